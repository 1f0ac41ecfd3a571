"""`emulate`: MiniMax's API and its gateways' on loopback, with deletion at the deadline, a time scale and moods."""

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from voicekeeper.cli.numeric import numeric
from voicekeeper.clock import Clock, ScaledClock, WallClock
from voicekeeper.core.duration import format_duration, parse_duration
from voicekeeper.emulator import Call, Key

if TYPE_CHECKING:
    from voicekeeper.emulator import Emulator

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _lifetime(_context: click.Context, _option: click.Parameter, value: str) -> timedelta:
    try:
        span = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if not span:
        raise click.BadParameter(f"{value!r} leaves a voice no time to live")
    return span


@click.command()
@click.option("--host", type=click.Choice(LOOPBACK), default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes any free one.")
@click.option("--key", "keys", multiple=True, default=["sk-emulator"], show_default=True, help="May be repeated.")
@click.option(
    "--scale",
    type=click.FloatRange(0, 100_000, min_open=True),
    callback=numeric,
    default=1.0,
    show_default=True,
    help="How many times as fast time passes.",
)
@click.option("--lifetime", callback=_lifetime, default="168h", show_default=True, help="Of an unused voice.")
@click.option("--rpm", type=click.IntRange(1), default=60, show_default=True, help="T2A calls a minute, each key.")
@click.option(
    "--balance",
    type=click.FloatRange(0, 1e12),
    callback=numeric,
    default=1000.0,
    show_default=True,
    help="CNY, each key.",
)
@click.option(
    "--misbehave", type=click.FloatRange(0, 1), callback=numeric, default=0.0, help="Share of T2A calls that go wrong."
)
@click.option("--seed", type=int, default=0, help="The same seed goes wrong in the same places.")
@click.option("--verbose", is_flag=True, help="Print a line for each call.")
def emulate(
    *,
    host: str,
    port: int,
    keys: tuple[str, ...],
    scale: float,
    lifetime: timedelta,
    rpm: int,
    balance: float,
    misbehave: float,
    seed: int,
    verbose: bool,
) -> None:
    """Serve MiniMax's API and its gateways' on loopback, for trying voicekeeper without money or waiting.

    Its own control API is below /_emulator/: GET state and ledger, POST voices, keys, faults, clock and reset,
    PATCH habits (how the gateways behave where their documents leave it open).
    """
    from voicekeeper.emulator.server import Emulator  # noqa: PLC0415 - starlette and uvicorn, for this command only

    if not all(key.strip() == key and key for key in keys):
        raise click.BadParameter("a key is not empty and has no spaces around it", param_hint="--key")
    clock: Clock = WallClock() if scale == 1 else ScaledClock(scale)
    emulator = Emulator(
        clock=clock,
        keys={key: Key(balance=balance, rpm=rpm) for key in keys},
        lifetime=lifetime,
        misbehave=misbehave,
        seed=seed,
        host=host,
        port=port,
        on_call=_print_call if verbose else None,
    )
    pace = f"lifetime {format_duration(lifetime)}, {scale:g} times as fast"
    about = f"{pace}, {rpm} T2A calls a minute and {balance:g} CNY a key"
    try:
        asyncio.run(_until_told(emulator, about))
    except OSError as error:
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None


async def _until_told(emulator: "Emulator", about: str) -> None:
    told = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, told.set)
    async with emulator:
        click.echo(f"emulating MiniMax on {emulator.url} ({about})")
        for family in emulator.families.all:
            below = f", paths below {family.root}" if family.root and not family.base else ""
            click.echo(f"  {family.name}: base_url {emulator.url}{family.base}{below}")
        await told.wait()


def _print_call(call: Call) -> None:
    outcome = " ".join(
        f"{name}={value}"
        for name, value in (
            ("voice_id", call.voice_id),
            ("code", call.code),
            ("http_status", call.http_status),
            ("fee", call.fee or None),
            ("fault", call.fault),
        )
        if value is not None
    )
    click.echo(f"{call.at:%Y-%m-%dT%H:%M:%SZ} {call.path} key=…{call.key} {outcome}")


if __name__ == "__main__":
    emulate()
