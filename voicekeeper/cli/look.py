"""`status`, `list`, `show`: what there is, what needs somebody, what was done."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from voicekeeper.cli import budgets
from voicekeeper.cli.render import as_object, clean, plain, print_json, print_table, when
from voicekeeper.cli.render import status as status_of
from voicekeeper.cli.session import as_json, begin, one_voice, require_account
from voicekeeper.clock import WallClock
from voicekeeper.core.duration import parse_duration
from voicekeeper.core.shown import escaped
from voicekeeper.core.voice import Intent, Status, Voice
from voicekeeper.registry import voices
from voicekeeper.registry.database import Database
from voicekeeper.registry.spending import Spent
from voicekeeper.registry.voices import Filter, Summary

_PAGE = 500
_SHOWN = 100


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@as_json
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show how all voices and accounts stand, and what needs you."""
    now = WallClock().now()
    session = begin(context)
    with session.registry() as database:
        summary = database.call(voices.summary, now)
        money = budgets.standing(session.settings, database, now)
    if as_json:
        print_json(_summary_object(summary, money))
        return
    configured = set(session.settings.accounts)
    names = sorted(configured | {name for name, _ in summary.counts})
    print_table(
        ("ACCOUNT", "STATE", "WAITING", "NEXT DEADLINE (UTC)", "KEPT", "LOST", "RELEASED"),
        [_account_row(summary, name, now, known=name in configured) for name in names],
    )
    for line in _needs(summary):
        click.echo(line)
    for name in money:
        if (why := budgets.stopped(session.settings, money, name, now)) and summary.counts.get((name, Status.WAITING)):
            click.echo(f"{clean(name)}: {why}; its voices wait")


@click.command("list")
@click.option("--status", "wanted", type=click.Choice([status.value for status in Status]))
@click.option("--account")
@click.option("--due-within", metavar="D", callback=_duration, help="Waiting, with a deadline that near, like 24h.")
@click.option("--limit", type=click.IntRange(1), help=f"How many at most; {_SHOWN} on paper, all in JSON.")
@as_json
@click.pass_context
def list_voices(
    context: click.Context,
    *,
    wanted: str | None,
    account: str | None,
    due_within: timedelta | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """List voices, the earliest deadline first."""
    now = WallClock().now()
    chosen = Filter(
        status=Status(wanted) if wanted else None,
        account=account,
        at_risk_before=now + due_within if due_within is not None else None,
    )
    session = begin(context)
    with session.registry() as database:
        require_account(session, database, account)
        if as_json:
            _print_array(_pages(database, chosen, limit))
            return
        most = limit or _SHOWN
        found = list(_pages(database, chosen, most + 1))
    if not found:
        click.echo("no voices")
        return
    print_table(("VOICE", "STATUS", "DEADLINE (UTC)", "TRIES", "LABEL"), [_row(voice, now) for voice in found[:most]])
    if len(found) > most:
        click.echo(f"… and more: --limit {most * 10} or --json shows them")


@click.command()
@click.argument("voice_id")
@as_json
@click.pass_context
def show(context: click.Context, voice_id: str, *, as_json: bool) -> None:
    """Show one voice with its whole history."""
    now = WallClock().now()
    session = begin(context)
    with session.registry() as database:
        voice = one_voice(database, voice_id)
        history = database.call(voices.evidence, voice)
        money = budgets.standing(session.settings, database, now)
    if as_json:
        history = [{name: plain(value) for name, value in row.items()} for row in history]
        print_json(as_object(voice) | {"history": history})
        return
    why = budgets.stopped(session.settings, money, voice.account, now)
    for name, value in _facts(voice, now, why):
        click.echo(f"{click.style(name.ljust(12), bold=True)} {value}")
    if history:
        click.echo()
        print_table(
            ("STARTED (UTC)", "OUTCOME", "CODE", "COST", "TRACE", "MESSAGE"),
            [
                (
                    f"{row['started_at']:%Y-%m-%d %H:%M:%S}",
                    row["outcome"] or "under way",
                    clean(row["provider_code"] or "-"),
                    f"{row['cost']:g} {row['currency'] or ''}" if row["cost"] is not None else "-",
                    clean(row["trace_id"] or "-"),
                    clean(row["message"] or ""),
                )
                for row in history
            ],
        )


def _summary_object(summary: Summary, money: budgets.Standing) -> dict[str, object]:
    accounts = {account.name: account for account in summary.accounts}
    names = sorted({name for name, _ in summary.counts} | set(accounts))
    return {
        "accounts": [
            {
                "name": name,
                "state": accounts[name].state.value if name in accounts else None,
                "reason": accounts[name].reason if name in accounts else None,
                "next_deadline": plain(summary.next_deadline.get(name)),
                "budgets": {span.value: _budget_object(spent) for span, spent in money.get(name, {}).items()},
            }
            | {status.value: summary.counts.get((name, status), 0) for status in Status}
            for name in names
        ],
        "on_hold": summary.on_hold,
        "overdue": summary.overdue,
        "unverified": summary.unverified,
        "alerts": [{name: plain(value) for name, value in asdict(alert).items()} for alert in summary.alerts],
    }


def _budget_object(spent: Spent) -> dict[str, object]:
    return {"limit": plain(spent.limit), "committed": plain(spent.committed), "until": plain(spent.until)}


def _account_row(summary: Summary, name: str, now: datetime, *, known: bool) -> tuple[str, ...]:
    paused = any(account.paused for account in summary.accounts if account.name == name)
    state = click.style("paused", fg="red") if paused else click.style("open", fg="green")
    counts = {status: str(summary.counts.get((name, status), 0)) for status in Status}
    return (
        clean(name),
        state if known else click.style("not configured", fg="red"),
        counts[Status.WAITING],
        when(summary.next_deadline.get(name), now),
        counts[Status.KEPT],
        counts[Status.LOST],
        counts[Status.RELEASED],
    )


def _needs(summary: Summary) -> Iterator[str]:
    """Say what needs somebody, line by line."""
    if summary.overdue:
        yield click.style(f"{summary.overdue} waiting past their deadline", fg="red", bold=True)
    if summary.on_hold:
        yield f"{summary.on_hold} on hold: they will be lost at their deadline unless you decide"
    if summary.unverified:
        yield f"{summary.unverified} kept, but not yet shown by the provider's list (`voicekeeper verify` asks)"
    for alert in summary.alerts:
        colour = "red" if alert.severity == "critical" else "yellow"
        yield f"{click.style(alert.severity.value + ':', fg=colour)} {clean(alert.title)}"


def _pages(database: Database, chosen: Filter, limit: int | None) -> Iterator[Voice]:
    """Read voices page by page, so that a million of them need no memory."""
    last, left = None, limit
    while left is None or left > 0:
        page = database.call(voices.listing, chosen, last, _PAGE if left is None else min(_PAGE, left))
        yield from page
        if len(page) < _PAGE:
            return
        last, left = page[-1], None if left is None else left - len(page)


def _print_array(found: Iterator[Voice]) -> None:
    import json  # noqa: PLC0415 - only here

    click.echo("[", nl=False)
    for number, voice in enumerate(found):
        written = escaped(json.dumps(as_object(voice), ensure_ascii=False))
        click.echo(("," if number else "") + "\n  " + written, nl=False)
    click.echo("\n]")


def _row(voice: Voice, now: datetime) -> tuple[str, ...]:
    return (clean(voice.name), status_of(voice), when(voice.deadline, now), str(voice.attempts), clean(voice.label))


def _facts(voice: Voice, now: datetime, stopped: str | None) -> Iterator[tuple[str, str]]:
    yield "voice", clean(voice.name)
    yield "status", status_of(voice)
    yield "label", clean(voice.label) or "-"
    yield "cloned", f"{when(voice.cloned_at, now)}, {voice.origin.value}"
    yield "deadline", when(voice.deadline, now)
    if voice.status is Status.WAITING:
        yield "due", when(voice.due_at, now)
        if stopped and voice.intent is Intent.KEEP:
            yield "waits", stopped
    yield "tries", str(voice.attempts)
    if voice.kept_at:
        yield "kept", when(voice.kept_at, now)
        yield "verified", when(voice.verified_at, now) if voice.verified_at else "not shown by the provider's list yet"
    if voice.last_error:
        yield "last answer", clean(voice.last_error)
