"""`forecast`: what will be kept when, what it costs, what cannot be saved, and what would change that."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from voicekeeper.cli.numeric import numeric
from voicekeeper.cli.render import clean, print_json, when
from voicekeeper.cli.session import Session, as_json, begin
from voicekeeper.clock import WallClock
from voicekeeper.configured import terms
from voicekeeper.core.duration import format_duration, parse_duration
from voicekeeper.core.errors import InputError
from voicekeeper.core.forecast import Forecast, forecast
from voicekeeper.core.money import written
from voicekeeper.core.pace import Wish, instant
from voicekeeper.core.queue import Load
from voicekeeper.core.remedy import Remedy
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.told import told
from voicekeeper.registration import read_moment
from voicekeeper.registry import pacing, waiting
from voicekeeper.registry.database import Database
from voicekeeper.registry.waiting import Waiting

#: Voices that are named among those that cannot be saved.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Answer:
    """One account's forecast, and the names of its first voices that cannot be saved."""

    account: str
    currency: str | None
    line: Waiting
    loads: Sequence[Load]
    found: Forecast
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
@click.option("--rpm", type=click.FloatRange(0.001, 1_000_000), callback=numeric, help="If the rate limit were this.")
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
    wish = Wish(rpm=rpm, budget_per_day=budget, budget_per_month=budget_per_month, outage=outage or timedelta())
    with session.registry() as database:
        until = now + horizon if horizon is not None else None
        found = [_answer(session, database, name, wish, added, now, until) for name in names]
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
    session: Session,
    database: Database,
    name: str,
    wish: Wish,
    added: Sequence[tuple[int, str]],
    now: datetime,
    until: datetime | None,
) -> _Answer:
    settings, policy = session.settings.accounts[name], session.settings.policies[name]
    own = terms(session.settings, name)
    line = database.call(waiting.waiting, name, policy, now)
    concurrency = settings.max_concurrency or settings.gateway.max_concurrency
    pace = wish.of(database.call(pacing.pace, own, concurrency, now))
    loads = line.loads + [_new(number, one, policy, now) for number, one in enumerate(added)]
    found = forecast(loads, pace, until)
    ids = [run.key for run in found.runs if run.at is None and run.key > 0][:_NAMED]
    named = database.call(waiting.names, ids) if line.singly and ids else {}
    return _Answer(name, settings.currency, line, loads, found, [named[row] for row in ids if row in named])


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
    times = plan(cloned_at, None, policy, text)
    if times.deadline <= now:
        raise InputError(f'"{text}" is too long ago: voices that were cloned then are deleted by now')
    return Load(instant(max(times.due_at, cloned_at)), instant(times.deadline), 0, -1 - number, size)


def _lines(one: _Answer, now: datetime) -> Iterator[str]:
    found, line = one.found, one.line
    held = f", {line.on_hold} on hold" if line.on_hold else ""
    past = f", {line.past} past their deadline" if line.past else ""
    yield click.style(f"{clean(one.account)}: {found.waiting} waiting{held}{past}", bold=True)
    if found.calls:
        cost = f", {written(found.cost, one.currency)}" if found.pace.cost else ""
        zone = str(found.pace.budget.zone)
        days = f"; the days are those of {zone}, all times UTC" if zone != "UTC" else ""
        yield f"{found.calls} calls until {when(found.done_at, now)}{cost}{days}"
        yield from _table(one)
    if found.lost:
        yield from _loss(one, now)
    elif found.least_slack is not None and found.standstill is not None:
        yield f"all are saved; the least time left at a call is {format_duration(found.least_slack)}"
        yield f"nothing at all might work for {format_duration(found.standstill)} from now on without a loss"


def _table(one: _Answer) -> Iterator[str]:
    days = one.found.days
    shown = days if len(days) <= 2 * _NAMED else days[: 2 * _NAMED]
    for day in shown:
        cost = f"  {written(day.cost, one.currency)}" if one.found.pace.cost else ""
        yield f"  {day.date}  {day.calls:>7} calls{cost}"
    if len(shown) < len(days):
        yield f"  … and {len(days) - len(shown)} more days"


def _loss(one: _Answer, now: datetime) -> Iterator[str]:
    found = one.found
    yield click.style(f"{found.lost} cannot be saved, the first at {when(found.first_loss, now)}", fg="red", bold=True)
    if one.lost:
        more = f", and {found.lost - len(one.lost)} more" if found.lost > len(one.lost) else ""
        yield f"  {clean(', '.join(one.lost))}{more}"
    yield "  what would save all, from now on:"
    for remedy in found.remedies:
        yield f"  - {_words(remedy, one.currency)}"
    yield f"  the last moment at which anything helps the first of them: {when(found.first_loss, now)}"


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
    own = {"on_hold": one.line.on_hold, "past_deadline": one.line.past, "unsavable_voices": list(one.lost)}
    return asdict(told(one.account, one.currency, one.found)) | own


def _draw(file: Path, found: Sequence[_Answer]) -> None:
    from voicekeeper.cli.plot import draw  # noqa: PLC0415 - matplotlib, which is an extra and slow to import

    draw(file, [(one.account, one.currency, one.loads, one.found) for one in found])
