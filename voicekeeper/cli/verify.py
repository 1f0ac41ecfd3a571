"""`verify`: compare the registry with the providers' own lists."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict

import click

from voicekeeper import logs
from voicekeeper.cli.render import clean, print_json
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.proof import Comparison, Proof
from voicekeeper.wiring import open_app

_SHOWN = 10
#: The exit codes where a provider does not accept an account's key, and where its list could not be had this time.
_BLOCKED, _FAILED = 3, 1


@click.command()
@click.option(
    "--register", is_flag=True, help="Register listed voices that the registry lacks, as kept: no call, no fee."
)
@as_json
@click.pass_context
def verify(context: click.Context, *, register: bool, as_json: bool) -> None:
    """Prove keeps by the providers' lists, and say where registry and list differ."""
    found = asyncio.run(_compare(begin(context, secrets=True, level="warning"), register=register))
    if as_json:
        print_json([_as_object(comparison) for comparison in found])
    else:
        _print(found, register=register)
    context.exit(_exit_code(found))


async def _compare(session: Session, *, register: bool) -> list[Comparison]:
    async with open_app(session.settings, session.folder) as app:
        proof, policies = Proof(app.database, WallClock(), logs.logger()), app.settings.policies
        return [
            await proof.compare(line.terms, line.provider, register=policies[name] if register else None)
            for name, line in app.keeper.lines.items()
        ]


def _exit_code(found: Sequence[Comparison]) -> int:
    """Return what a script has to know; that a system has no list is no failure: nothing could be done about it."""
    if any(comparison.blocked for comparison in found):
        return _BLOCKED
    return _FAILED if any(comparison.failed for comparison in found) else 0


def _as_object(comparison: Comparison) -> dict[str, object]:
    whole = {name: [voice.voice_id for voice in getattr(comparison, name)] for name in ("proved", "unlisted")}
    return asdict(comparison) | whole | {"unregistered": [clean(name) for name in comparison.unregistered]}


def _print(found: Sequence[Comparison], *, register: bool) -> None:
    for comparison in found:
        _print_one(comparison)
    lacking = sum(len(comparison.unregistered) for comparison in found)
    if lacking and not register:
        them = "it" if lacking == 1 else f"all {lacking}"
        click.echo(f"`voicekeeper verify --register` registers {them} as kept, without a call and without a fee")
    elif lacking:
        click.echo(f"{lacking} cannot be registered: too long a name, or one that cannot be printed or stored")


def _print_one(comparison: Comparison) -> None:
    name = click.style(clean(comparison.account), bold=True)
    if comparison.reason is not None:
        click.echo(f"{name}: cannot be verified: {clean(comparison.reason)}")
        return
    click.echo(f"{name}: {comparison.listed} in the provider's list, {len(comparison.proved)} of them proven anew")
    _line("already permanent without a call of ours", [voice.voice_id for voice in comparison.kept_elsewhere])
    _line("registered as kept", comparison.registered)
    _line("at the provider, but not registered", comparison.unregistered)
    unlisted = [voice.voice_id for voice in comparison.unlisted]
    _line("kept, but not in the list (lists are not always complete: this proves nothing)", unlisted)


def _line(words: str, ids: Sequence[str]) -> None:
    if ids:
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        click.echo(f"  {len(ids)} {words}: {', '.join(clean(name) for name in ids[:_SHOWN])}{more}")
