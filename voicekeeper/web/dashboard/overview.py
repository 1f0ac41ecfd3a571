"""The first page: what needs somebody now, the next seven days, the nearest deadlines, the accounts.

It reads the last count from memory and a few short ranges from the registry: it costs the same whatever is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from voicekeeper.core import week
from voicekeeper.core.account import Account
from voicekeeper.core.pace import Pace
from voicekeeper.core.voice import Intent, Status
from voicekeeper.core.week import HOUR, Batch, Hour
from voicekeeper.registry import accounts, showing
from voicekeeper.registry.spending import Terms
from voicekeeper.web.census import Figures
from voicekeeper.web.dashboard import needs
from voicekeeper.web.dashboard.needs import Need
from voicekeeper.web.dashboard.page import Page
from voicekeeper.web.dashboard.picture import Picture, picture
from voicekeeper.web.dashboard.visit import Visit
from voicekeeper.web.operations import Strict
from voicekeeper.web.problems import Problem
from voicekeeper.web.requests import Printable

_NEAREST, _ALERTS = 8, 12


class OverviewQuery(Strict):
    """One account alone, where the link of an alert leads here."""

    account: Printable | None = None


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account as the page shows it; `terms` is None where it is not configured."""

    name: str
    state: Account | None
    provider: str | None
    terms: Terms | None
    voices: dict[Status, int]
    next_deadline: datetime | None
    paid: dict[str, float]

    @property
    def per_hour(self) -> float:
        """Calls an hour that its rate and budgets allow in the long run."""
        return HOUR / timedelta(microseconds=_unspent(self.terms, _ANY).steady) if self.terms else 0.0


async def overview(visit: Visit) -> Response:
    """Show the first page."""
    chosen: str | None = visit.query.account
    everyone = await visit.app.database.show(accounts.everyone)
    figures = visit.face.census.figures
    rows = _rows(visit, everyone, figures)
    if chosen is not None and chosen not in {row.name for row in rows}:
        raise Problem(404, visit.say("no_account", account=chosen))
    if figures is not None and chosen is not None:
        figures = _of(figures, chosen)
    mine = [row for row in rows if chosen in {None, row.name}]
    alerts, count = await visit.app.database.show(showing.open_alerts, chosen, _ALERTS)
    plays = _plays(figures, mine, visit) if figures else {}
    return visit.page(
        "overview.html",
        chosen=chosen,
        figures=figures,
        totals={status: sum(row.voices[status] for row in mine) for status in Status},
        needs=_needs(visit, mine, figures, plays),
        picture=_picture(mine, plays),
        nearest=await visit.app.database.show(showing.nearest, chosen, visit.now, _NEAREST),
        alerts=alerts,
        alert_count=count,
        accounts=mine,
        names=[row.name for row in rows],
    )


def _rows(visit: Visit, everyone: Sequence[Account], figures: Figures | None) -> list[AccountRow]:
    states = {account.name: account for account in everyone}
    configured = visit.settings.accounts
    counted = {name for name, _ in figures.voices} if figures else set()
    return [
        AccountRow(
            name=name,
            state=states.get(name),
            provider=configured[name].provider if name in configured else None,
            terms=visit.app.keeper.lines[name].terms if name in configured else None,
            voices={status: figures.voices.get((name, status), 0) if figures else 0 for status in Status},
            next_deadline=figures.next_deadline.get(name) if figures else None,
            paid=_paid(figures, name) if figures else {},
        )
        for name in sorted(configured.keys() | counted)
    ]


def _paid(figures: Figures, name: str) -> dict[str, float]:
    """Return what an account has cost, by currency."""
    return {currency: float(amount) for (account, currency), amount in figures.paid.items() if account == name}


def _of(figures: Figures, name: str) -> Figures:
    """Return one account's figures."""
    return replace(
        figures,
        voices={kind: count for kind, count in figures.voices.items() if kind[0] == name},
        waiting={kind: count for kind, count in figures.waiting.items() if kind.account == name},
        lost={account: count for account, count in figures.lost.items() if account == name},
    )


def _needs(
    visit: Visit, rows: Sequence[AccountRow], figures: Figures | None, plays: Mapping[str, Sequence[Hour]]
) -> list[Need]:
    found = [*needs.of_daemon(visit.face.health, visit.now, visit.face.longest())]
    if figures is not None:
        states = [row.state for row in rows if row.state is not None]
        found += needs.of_accounts(states, figures, visit.settings.accounts.keys(), visit.now)
        found += needs.of_pace({name: sum(hour.missed for hour in hours) for name, hours in plays.items()})
        found += needs.of_voices(figures, visit.now, visit.query.account)
    return sorted(found, key=lambda need: ("bad", "warn", "info").index(need.level))


def _plays(figures: Figures, rows: Sequence[AccountRow], visit: Visit) -> dict[str, list[Hour]]:
    """Play the queue of each account that is configured forward, at the pace that the last sweep has seen."""
    seen, now = visit.app.keeper.foresight.outlooks, visit.now
    paces = {row.name: _unspent(row.terms, now) for row in rows if row.terms}
    paces |= {name: one.pace for name, one in seen.items() if name in paces and one.pace}
    return {name: week.play(_batches(figures, name), pace.from_then(now), now) for name, pace in paces.items()}


def _picture(rows: Sequence[AccountRow], plays: Mapping[str, Sequence[Hour]]) -> Picture | None:
    """Lay the accounts' hours over each other; None where nothing is configured or counted."""
    if not plays:
        return None
    return picture(week.together(list(plays.values())), sum(row.per_hour for row in rows))


def _batches(figures: Figures, account: str) -> list[Batch]:
    return [
        Batch(kind.due, kind.deadline, count)
        for kind, count in figures.waiting.items()
        if kind.account == account and kind.intent is Intent.KEEP and kind.due and kind.deadline
    ]


def _unspent(terms: Terms, now: datetime) -> Pace:
    """Return the pace of an account that has spent nothing of its budgets yet."""
    return Pace(as_of=now, start=now, space=terms.space, price=terms.price, budget=terms.budget)


#: The pace in the long run is the same at any moment.
_ANY = datetime(2026, 1, 1, tzinfo=UTC)
PAGES = (Page(method="GET", path="/", work=overview, query=OverviewQuery),)
