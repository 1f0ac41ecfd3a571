"""`demo`: emulator, registry and keeper together, a week and a half in some seconds."""

import asyncio
import tempfile
from pathlib import Path

import click

from voicekeeper.cli.numeric import numeric
from voicekeeper.cli.render import print_table
from voicekeeper.clock import ScaledClock
from voicekeeper.core.voice import Status
from voicekeeper.demo.stage import Ending, stage
from voicekeeper.demo.story import LENGTH

_COLOURS = {"kept": "green", "proven": "green", "failed": "yellow", "lost": "red", "ALERT": "magenta", "let go": "cyan"}


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(5, 600),
    callback=numeric,
    default=20.0,
    show_default=True,
    help="How long it takes.",
)
@click.pass_context
def demo(context: click.Context, *, seconds: float) -> None:
    """Watch voices being kept while others are deleted; no network, no key, nothing left behind."""
    click.echo(
        f"A provider on loopback deletes unused voices after 168 h; {LENGTH.total_seconds() / 3600:g} h pass in "
        f"about {seconds:g} s. Real HTTP, real SQLite, real audio files.\n"
    )
    with tempfile.TemporaryDirectory(prefix="voicekeeper-demo-") as folder:
        endings, alerts, fees = asyncio.run(_play(Path(folder), seconds))
    _print(endings)
    told = all(ending.as_told for ending in endings) and alerts > 0
    kept = sum(ending.role.ends is Status.KEPT for ending in endings)
    click.echo(f"\n{alerts} alerts reached the sink; the provider charged {fees:.2f} CNY for {kept} voices.")
    click.echo("Everything came as told." if told else click.style("Something did not come as told.", fg="red"))
    context.exit(0 if told else 1)


async def _play(folder: Path, seconds: float) -> tuple[list[Ending], int, float]:
    clock = ScaledClock(LENGTH.total_seconds() / seconds)
    begin = clock.now()

    def say(event: str, voice: str, words: str) -> None:
        days, rest = divmod(round((clock.now() - begin).total_seconds()), 86400)
        at = click.style(f"day {days} {rest // 3600:02}:{rest % 3600 // 60:02}", dim=True)
        click.echo(f"{at}  {click.style(event.ljust(7), fg=_COLOURS.get(event))} {voice.ljust(11)} {words}")

    async with stage(folder, clock, say) as playing:
        begin = clock.now()
        return await playing.play(), len(playing.alerts), playing.fees()


def _print(endings: list[Ending]) -> None:
    click.echo()
    print_table(
        ("VOICE", "STORY", "REGISTRY", "PROVIDER'S LIST", "AT THE PROVIDER"),
        [
            (
                ending.role.voice_id,
                ending.role.part,
                ending.voice.status.value if ending.voice else "-",
                "listed" if ending.listed else "-",
                click.style("permanent", fg="green") if ending.alive else click.style("deleted", fg="red"),
            )
            for ending in endings
        ],
    )
