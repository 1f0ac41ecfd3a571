"""Whether all of an account's voices can be saved: the alert where they cannot, and who lets others go first then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core.forecast import Forecast, forecast
from voicekeeper.core.latest import pulled
from voicekeeper.core.pace import Pace, Wish, moment
from voicekeeper.core.profile import QUARTER
from voicekeeper.core.queue import Load
from voicekeeper.core.remedy import Remedy, unsavable
from voicekeeper.core.schedule import Policy, latest_safe
from voicekeeper.core.voice import Intent, Status
from voicekeeper.registry import outbox, pacing
from voicekeeper.registry import waiting as queue
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import voices

_BATCH = 500
_MINUTE = timedelta(minutes=1)
_WANTED = (voices.c.status == Status.WAITING.value, voices.c.intent == Intent.KEEP.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How an account stands: `lost` voices cannot be saved, the first at `first_loss`; `remedies` would save all.

    `yielding` are the loads of which so many let others go first, `pace` is how fast the account can go where
    anything waits.
    """

    account: str
    pace: Pace | None = None
    lost: int = 0
    first_loss: datetime | None = None
    remedies: Sequence[Remedy] = ()
    yielding: Mapping[Load, int] = field(default_factory=dict)


def judge(
    connection: Connection, terms: Terms, concurrency: int, policy: Policy, outline: Sequence[Load], now: datetime
) -> Outlook:
    """Look ahead by the outline of an account's queue; only where that shows a danger is the queue itself read."""
    pace = pacing.pace(connection, terms, concurrency, now)
    if not unsavable(outline, pace):
        return Outlook(account=terms.account, pace=pace)
    found = queue.waiting(connection, terms.account, policy, now).loads
    # A retry that comes after the deadline is no matter of rate or budget, and its voice has alerts of its own.
    loads = [load for load in found if load.due < load.deadline]
    told = forecast(loads, pace)
    of_key = {load.key: load for load in loads}
    return Outlook(
        account=terms.account,
        pace=pace,
        lost=told.lost,
        first_loss=told.first_loss,
        remedies=told.remedies,
        yielding={of_key[key]: size for key, size in told.yielding.items()},
    )


def pull_forward(
    connection: Connection, terms: Terms, concurrency: int, policy: Policy, loads: Sequence[Load], now: datetime
) -> None:
    """Let untried voices that are kept as late as is safe be due earlier, where their queue is too long for that."""
    pace = pacing.pace(connection, terms, concurrency, now)
    untried = (*_WANTED, voices.c.account == terms.account, voices.c.attempts == 0, voices.c.last_outcome.is_(None))
    for deadline, due in pulled(loads, pace, policy.lifetime - latest_safe(policy.lifetime)).items():
        begins = moment(deadline)
        these = (*untried, voices.c.deadline >= begins, voices.c.deadline < begins + QUARTER)
        due_at = moment(due)
        connection.execute(update(voices).where(*these, voices.c.due_at > due_at).values(due_at=due_at))


def foretell(
    connection: Connection, terms: Terms, concurrency: int, loads: Sequence[Load], wish: Wish, now: datetime
) -> Forecast:
    """Forecast an account as it stands, or as it would be."""
    return forecast(loads, wish.of(pacing.pace(connection, terms, concurrency, now)))


def tell(connection: Connection, outlooks: Sequence[Outlook], now: datetime, *, marked: bool) -> None:
    """Raise the alarm of accounts that cannot save all, with who yields; end it, and that, for the others.

    `marked` tells that those who yield are known as such already.
    """
    for one in outlooks:
        if one.first_loss is not None:
            told = alerts.unsavable(one.account, one.lost, one.first_loss, now, list(_settings(one.remedies)))
            outbox.raise_alert(connection, told, now)
            if not marked:
                _let_go_first(connection, one)
    keys = {alerts.unsavable_key(one.account): one for one in outlooks if one.first_loss is None}
    over = sorted(outbox.standing(connection, keys))
    outbox.resolve_all(connection, over, now)
    for key in over:
        _let_go_first(connection, keys[key])


def _settings(remedies: Sequence[Remedy]) -> Iterator[str]:
    """Write the changes of settings as they would stand in the configuration."""
    for remedy in remedies:
        named = (
            ("requests_per_minute", remedy.requests_per_minute),
            ("budget_per_day", remedy.budget_per_day),
            ("budget_per_month", remedy.budget_per_month),
        )
        if words := " + ".join(f"{name} = {value}" for name, value in named if value is not None):
            yield words


def _let_go_first(connection: Connection, outlook: Outlook) -> None:
    """Mark the voices that let others go first, and no others."""
    mine = (*_WANTED, voices.c.account == outlook.account)
    connection.execute(update(voices).where(*mine, voices.c.yields != 0).values(yields=0))
    chosen = sorted(row for load, size in outlook.yielding.items() for row in _chosen(connection, outlook, load, size))
    for start in range(0, len(chosen), _BATCH):
        these = voices.c.id.in_(chosen[start : start + _BATCH])
        connection.execute(update(voices).where(*mine, these).values(yields=1))


def _chosen(connection: Connection, outlook: Outlook, load: Load, size: int) -> Sequence[int]:
    """Return the voices of a load that yield, those with the latest deadlines."""
    if load.size == 1:
        return [load.key]
    begins = moment(load.deadline)
    same = (voices.c.account == outlook.account, voices.c.priority == load.priority)
    minute = (*_WANTED, *same, voices.c.deadline >= begins, voices.c.deadline < begins + _MINUTE)
    query = select(voices.c.id).where(*minute).order_by(voices.c.deadline.desc(), voices.c.id.desc()).limit(size)
    return connection.execute(query).scalars().all()
