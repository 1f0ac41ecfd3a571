"""`forecast`: what will be kept when, what it costs, what cannot be saved, and what would change that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from voicekeeper.cli.render import clean, plain, print_json, when
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.core.duration import format_duration, parse_duration
from voicekeeper.core.errors import InputError
from voicekeeper.core.forecast import Forecast, forecast
from voicekeeper.core.line import Load
from voicekeeper.core.money import Span, written
from voicekeeper.core.pace import Pace, instant
from voicekeeper.core.remedy import Remedy
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.registration import read_moment
from voicekeeper.registry import pacing, waiting
from voicekeeper.registry.database import Database
from voicekeeper.registry.waiting import Waiting
from voicekeeper.wiring import terms

#: Voices that are named among those that cannot be saved.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked: as things stand, but for what is given."""

    rpm: float | None
    per_day: Decimal | None
    per_month: Decimal | None
    outage: timedelta
    added: Sequence[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Answer:
    """One account's forecast, and the names of its first voices that cannot be saved."""

    account: str
    currency: str | None
    line: Waiting
    loads: Sequence[Load]
    told: Forecast
    lost: Sequence[str]


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return parse_duration(value) if value else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _amount(_context: click.Context, _option: click.Parameter, value: str | None) -> Decimal | None:
    try:
        amount = None if value is None else Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f'"{value}" is no amount: write it like 99 or 9.90') from None
    if amount is not None and not (amount.is_finite() and 0 <= amount <= 10**9):
        raise click.BadParameter(f'"{value}" is no amount: write it like 99 or 9.90')
    return amount


def _added(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> list[tuple[int, str]]:
    found = []
    for value in values:
        count, at, time = value.partition("@")
        if not (at and count.isdecimal() and 0 < int(count) <= 10**7):
            raise click.BadParameter(f'"{value}": write a number of voices and a time, like 2800@36h')
        found.append((int(count), time))
    return found


@click.command("forecast")
@click.option("--account", help="Of this account alone.")
@click.option("--horizon", metavar="D", callback=_duration, help="Tell calls and costs so far ahead; by default all.")
@click.option("--rpm", type=click.FloatRange(0, 1_000_000, min_open=True), help="If the rate limit were this.")
@click.option("--budget", metavar="X", callback=_amount, help="If the budget for a day were this.")
@click.option("--budget-per-month", metavar="X", callback=_amount, help="If the budget for a month were this.")
@click.option("--outage", metavar="D", callback=_duration, help="If nothing worked for so long from now on.")
@click.option("--add", "added", metavar="N@T", multiple=True, callback=_added, help="If N voices were cloned at T.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw it, as .svg or .png.")
@as_json
@click.pass_context
def show_forecast(
    context: click.Context,
    *,
    account: str | None,
    horizon: timedelta | None,
    rpm: float | None,
    budget: Decimal | None,
    budget_per_month: Decimal | None,
    outage: timedelta | None,
    added: list[tuple[int, str]],
    plot: Path | None,
    as_json: bool,
) -> None:
    """Show what will happen with the waiting voices; nothing is done, and no source is read."""
    session, now = begin(context), WallClock().now()
    names = _accounts(session, account)
    wish = _Wish(rpm, budget, budget_per_month, outage or timedelta(), added)
    with session.registry() as database:
        until = now + horizon if horizon is not None else None
        found = [_answer(session, database, name, wish, now, until) for name in names]
    if plot is not None:
        _draw(plot, found)
    if as_json:
        print_json([_object(one) for one in found])
        return
    for number, one in enumerate(found):
        click.echo("\n" * bool(number), nl=False)
        for line in _lines(one, now):
            click.echo(line)


def _accounts(session: Session, account: str | None) -> list[str]:
    known = list(session.settings.accounts)
    if account is None:
        return known
    if account not in known:
        raise InputError(f'account "{account}" is not configured (there is: {", ".join(known) or "none"})')
    return [account]


def _answer(
    session: Session, database: Database, name: str, wish: _Wish, now: datetime, until: datetime | None
) -> _Answer:
    settings, policy = session.settings.accounts[name], session.settings.policies[name]
    own = terms(session.settings, name)
    line = database.call(waiting.waiting, name, policy, now)
    concurrency = settings.max_concurrency or settings.gateway.max_concurrency
    pace = _wished(database.call(pacing.pace, own, concurrency, now), wish)
    loads = line.loads + [_new(number, one, policy, now) for number, one in enumerate(wish.added)]
    told = forecast(loads, pace, until)
    ids = [run.key for run in told.runs if run.at is None and run.key > 0][:_NAMED]
    named = database.call(waiting.names, ids) if line.singly and ids else {}
    return _Answer(name, settings.currency, line, loads, told, [named[row] for row in ids if row in named])


def _wished(pace: Pace, wish: _Wish) -> Pace:
    pace = pace.delayed(wish.outage)
    if wish.rpm is not None:
        pace = pace.at_rate(wish.rpm)
    for span, limit in ((Span.DAY, wish.per_day), (Span.MONTH, wish.per_month)):
        if limit is not None:
            pace = pace.with_budget(span, limit)
    return pace


def _new(number: int, added: tuple[int, str], policy: Policy, now: datetime) -> Load:
    """Return voices that are not there yet; their key is no voice's id."""
    size, text = added
    try:
        cloned_at = now + parse_duration(text)
    except ValueError:
        try:
            cloned_at = read_moment(text)
        except ValueError:
            raise InputError(f'"{text}" is neither a duration like 36h nor a time like 2026-11-20T12:00:00Z') from None
    times = plan(cloned_at, None, policy)
    return Load(instant(max(times.due_at, cloned_at)), instant(times.deadline), 0, -1 - number, size)


def _lines(one: _Answer, now: datetime) -> Iterator[str]:
    told, line = one.told, one.line
    held = f", {line.on_hold} on hold" if line.on_hold else ""
    past = f", {line.past} past their deadline" if line.past else ""
    yield click.style(f"{clean(one.account)}: {told.waiting} waiting{held}{past}", bold=True)
    if told.calls:
        cost = f", {written(told.cost, one.currency)}" if told.pace.cost else ""
        yield f"{told.calls} calls until {when(told.done_at, now)}{cost}"
        yield from _table(one)
    if told.lost:
        yield from _loss(one, now)
    elif told.least_slack is not None and told.standstill is not None:
        yield f"all are saved; the least time left at a call is {format_duration(told.least_slack)}"
        yield f"nothing at all might work for {format_duration(told.standstill)} from now on without a loss"


def _table(one: _Answer) -> Iterator[str]:
    days = one.told.days
    shown = days if len(days) <= 2 * _NAMED else days[: 2 * _NAMED]
    for day in shown:
        cost = f"  {written(day.cost, one.currency)}" if one.told.pace.cost else ""
        yield f"  {day.date}  {day.calls:>7} calls{cost}"
    if len(shown) < len(days):
        yield f"  … and {len(days) - len(shown)} more days"


def _loss(one: _Answer, now: datetime) -> Iterator[str]:
    told = one.told
    yield click.style(f"{told.lost} cannot be saved, the first at {when(told.first_loss, now)}", fg="red", bold=True)
    if one.lost:
        more = f", and {told.lost - len(one.lost)} more" if told.lost > len(one.lost) else ""
        yield f"  {clean(', '.join(one.lost))}{more}"
    yield "  what would save all, from now on:"
    for remedy in told.remedies:
        yield f"  - {_words(remedy, one.currency)}"
    yield f"  the last moment at which anything helps the first of them: {when(told.first_loss, now)}"


def _words(remedy: Remedy, currency: str | None) -> str:
    parts = []
    if remedy.requests_per_minute is not None:
        parts.append(f"requests_per_minute = {remedy.requests_per_minute}")
    if remedy.budget_per_day is not None:
        parts.append(f"budget_per_day = {written(remedy.budget_per_day, currency)}")
    if remedy.budget_per_month is not None:
        parts.append(f"budget_per_month = {written(remedy.budget_per_month, currency)}")
    if remedy.release is not None:
        parts.append(f"release {remedy.release} of the lowest priority, to save all others")
    return " and ".join(parts)


def _object(one: _Answer) -> dict[str, object]:
    told = one.told
    return {
        "account": one.account,
        "waiting": told.waiting,
        "on_hold": one.line.on_hold,
        "past_deadline": one.line.past,
        "calls": told.calls,
        "done_at": plain(told.done_at),
        "cost": plain(told.cost),
        "currency": one.currency,
        "days": [{"date": str(day.date), "calls": day.calls, "cost": plain(day.cost)} for day in told.days],
        "unsavable": told.lost,
        "first_loss": plain(told.first_loss),
        "unsavable_voices": list(one.lost),
        "least_slack_s": _seconds(told.least_slack),
        "standstill_s": _seconds(told.standstill),
        "remedies": [_remedy(remedy) for remedy in told.remedies],
    }


def _remedy(remedy: Remedy) -> dict[str, object]:
    return {
        "requests_per_minute": remedy.requests_per_minute,
        "budget_per_day": plain(remedy.budget_per_day),
        "budget_per_month": plain(remedy.budget_per_month),
        "release": remedy.release,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _draw(file: Path, found: Sequence[_Answer]) -> None:
    from voicekeeper.cli.plot import draw  # noqa: PLC0415 - matplotlib, which is an extra and slow to import

    draw(file, [(one.account, one.currency, one.loads, one.told) for one in found])
