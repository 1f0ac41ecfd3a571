"""`run`: one sweep of everything due, then exit; `needs-keeping`: is there anything to do?"""

import asyncio
import signal
from datetime import datetime

import click

from voicekeeper.cli.progress import Progress
from voicekeeper.cli.render import as_object, clean, print_json, print_table, when
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.core.voice import Voice
from voicekeeper.registry import accounts, planning, preview, upcoming
from voicekeeper.registry.database import Database
from voicekeeper.report import Report
from voicekeeper.wiring import App, open_app, widen

_PREVIEWED = 1000


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing; sources are not read.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing unless something went wrong, as cron likes it.")
@as_json
@click.pass_context
def run(context: click.Context, *, dry_run: bool, quiet: bool, as_json: bool) -> None:
    """Keep everything that is due, once."""
    if dry_run:
        _preview(begin(context), as_json=as_json)
        return
    progress = Progress(shown=not (quiet or as_json))
    session = begin(
        context, secrets=True, level="warning" if quiet else None, stream=progress if progress.shown else None
    )
    report = asyncio.run(_run(session, progress))
    progress.done()
    if as_json:
        print_json(_figures(report))
    elif not quiet:
        click.echo(_summary(report))
    for account, reason in report.stopped.items():
        click.echo(f"account {account} stopped: {clean(reason)}", err=True)
    for account in sorted(report.unknown):
        click.echo(f"account {clean(account)} has voices that are due, and is not in the configuration", err=True)
    context.exit(exit_code(report))


@click.command("needs-keeping")
@click.pass_context
def needs_keeping(context: click.Context) -> None:
    """Exit with 0 when a sweep has something to keep, let go or tell, with 1 when not.

    With sources configured it is always 0: only a sweep can tell whether there is something new in them.
    """
    session = begin(context)
    if session.settings.sources:
        context.exit(0)
    policies, default = session.settings.policies, session.settings.default_policy
    lifetimes = {name: policy.lifetime for name, policy in policies.items()}
    with session.registry() as database:
        while database.call(planning.plan_some, policies, default):
            pass
        found = database.call(upcoming.anything_to_do, WallClock().now())
        found = found or database.call(accounts.to_live_anew, lifetimes, default.lifetime)
    context.exit(0 if found else 1)


def exit_code(report: Report) -> int:
    """Return the highest of 4, 3 and 1 that applies; 75 when other instances held all the work."""
    if report.lost:
        return 4
    if report.paused:
        return 3
    if report.failed or report.stopped or report.unknown:
        return 1
    return 75 if report.busy and not report.worked else 0


async def _run(session: Session, progress: Progress) -> Report:
    widen()
    async with open_app(session.settings, session.folder, progress=progress.update) as app:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _stop, app)
        return await app.rounds()


def _stop(app: App) -> None:
    """Let the calls under way end, and begin no others."""
    app.keeper.stopping = True


def _figures(report: Report) -> dict[str, object]:
    counts = {name: getattr(report, name) for name in ("kept", "failed", "lost", "released", "verified")}
    names = {name: sorted(getattr(report, name)) for name in ("unfinished", "unknown", "paused")}
    return counts | names | {"stopped": report.stopped, "busy": report.busy}


def _summary(report: Report) -> str:
    parts = [f"{report.kept} kept" + (f" ({report.verified} proven by the provider's list)" if report.verified else "")]
    parts += [f"{report.failed} to be retried"] if report.failed else []
    parts += [click.style(f"{report.lost} lost", fg="red", bold=True)] if report.lost else []
    parts += [f"{report.released} let go"] if report.released else []
    parts += [f"account paused: {', '.join(sorted(report.paused))}"] if report.paused else []
    parts += [f"not configured: {clean(', '.join(sorted(report.unknown)))}"] if report.unknown else []
    done = report.worked or report.released or report.paused or report.stopped or report.verified or report.unknown
    return ", ".join(parts) if done else "nothing was due"


def _preview(session: Session, *, as_json: bool) -> None:
    now = WallClock().now()
    with session.registry() as database:
        due = _due(session, database, now)
    if as_json:
        print_json([as_object(voice) for voice in due])
        return
    if not due:
        click.echo("nothing is due")
        return
    print_table(("VOICE", "DEADLINE (UTC)", "ATTEMPTS", "LABEL"), [_row(voice, now) for voice in due])
    click.echo(f"{len(due)} would be kept now; nothing was done")


def _due(session: Session, database: Database, now: datetime) -> list[Voice]:
    policies, default = session.settings.policies, session.settings.default_policy
    return database.call(preview.due_before, now, policies, default, _PREVIEWED)


def _row(voice: Voice, now: datetime) -> tuple[str, ...]:
    return (clean(voice.name), when(voice.deadline, now), str(voice.attempts), clean(voice.label))
