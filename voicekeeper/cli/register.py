"""`add` and `import`: register voices, checked first, all or none."""

from pathlib import Path

import click

from voicekeeper import registration
from voicekeeper.cli.session import Session, begin
from voicekeeper.clock import WallClock
from voicekeeper.core.errors import InputError
from voicekeeper.core.voice import Intent, Origin
from voicekeeper.registry import voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.voices import NewVoice


@click.command()
@click.argument("voice_id")
@click.option("--account", required=True, help="The account it was cloned with.")
@click.option("--cloned-at", metavar="T", help="When it was cloned, like 2026-11-20T12:00:00Z; now if not said.")
@click.option("--label", default="", help="Words of your own, shown beside it.")
@click.option("--hold", is_flag=True, help="Do not pay yet: warn, but make no call.")
@click.option("--origin", type=click.Choice([origin.value for origin in Origin]), default="clone", show_default=True)
@click.option("--priority", type=click.IntRange(-1000, 1000), default=0, help="Higher goes first among equals.")
@click.pass_context
def add(
    context: click.Context,
    voice_id: str,
    *,
    account: str,
    cloned_at: str | None,
    label: str,
    hold: bool,
    origin: str,
    priority: int,
) -> None:
    """Register one voice."""
    row = {
        "voice_id": voice_id,
        "account": account,
        "cloned_at": WallClock().now().isoformat() if cloned_at is None else cloned_at,
        "label": label,
        "intent": (Intent.HOLD if hold else Intent.KEEP).value,
        "origin": origin,
        "priority": str(priority),
    }
    session = begin(context)
    parsed = registration.parse(row, session.settings, None, WallClock().now())
    if parsed.voice is None:
        raise InputError(parsed.problems)
    _register(session, [(parsed.voice, "")], [])
    _warn(parsed.warnings)
    click.echo(f"registered {parsed.voice.account}/{parsed.voice.voice_id}")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True))
@click.option("--account", help="For rows that name none.")
@click.pass_context
def import_file(context: click.Context, file: Path, *, account: str | None) -> None:
    """Register every row of a CSV or JSON lines file, or none of them."""
    session = begin(context)
    rows, problems = registration.read_rows(file)
    now = WallClock().now()
    parsed = [(number, registration.parse(row, session.settings, account, now)) for number, row in rows]
    problems += [f"{file}:{number}: {problem}" for number, row in parsed for problem in row.problems]
    new = [(row.voice, f"{file}:{number}: ") for number, row in parsed if row.voice]
    problems += registration.twice(new)
    _register(session, new, problems)
    _warn([f"{file}:{number}: {warning}" for number, row in parsed for warning in row.warnings])
    click.echo(f"registered {len(new)} voices")


def _register(session: Session, new: list[tuple[NewVoice, str]], problems: list[str]) -> None:
    """Write the voices; where there are problems, or some are registered already, name all of them and write none."""
    with session.registry() as database:
        known = database.call(voices.known, [(voice.account, voice.voice_id) for voice, _ in new])
        problems += [
            f"{place}{voice.account}/{voice.voice_id} is registered already"
            for voice, place in new
            if (voice.account, voice.voice_id) in known
        ]
        if problems:
            raise InputError([*problems, "nothing was registered"])
        _write(database, [voice for voice, _ in new])


def _write(database: Database, new: list[NewVoice]) -> None:
    try:
        database.call(voices.register, new)
    except InputError as error:
        raise InputError([*error.problems, "nothing was registered"]) from error


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        click.echo(f"{click.style('warning:', fg='yellow')} {warning}", err=True)
