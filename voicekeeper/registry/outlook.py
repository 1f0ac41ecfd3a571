"""Whether all of an account's voices can be saved: the alert where they cannot, and who lets others go first then."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core.forecast import Forecast, forecast
from voicekeeper.core.pace import Pace, Wish, instant, moment
from voicekeeper.core.profile import QUARTER
from voicekeeper.core.queue import CALL, Load
from voicekeeper.core.remedy import Remedy, unsavable
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import outbox, pacing
from voicekeeper.registry import waiting as queue
from voicekeeper.registry.conditions import WAITING, WANTED
from voicekeeper.registry.database import Opening
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import voices

_BATCH = 500
#: No due time lies before it, however long the line: the registry takes none that no voice can have.
_EARLIEST = instant(datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How an account stands: `lost` voices cannot be saved, the first at `first_loss`; `remedies` would save all.

    `alerted` tells whether that was told before. `last` are the voices that have to let others go first and do not yet,
    `no_longer` those that do and need not. `pace` is how fast the account can go where anything waits.
    """

    account: str
    pace: Pace | None = None
    lost: int = 0
    first_loss: datetime | None = None
    remedies: Sequence[Remedy] = ()
    alerted: bool = False
    last: Sequence[int] = ()
    no_longer: Sequence[int] = ()

    @property
    def news(self) -> bool:
        """Whether there is anything to tell or to end."""
        return self.alerted or self.first_loss is not None


def judge(
    opened: Opening, terms: Terms, concurrency: int, policy: Policy, outline: Sequence[Load], now: datetime
) -> Outlook:
    """Look ahead by the outline of an account's queue; only where that shows a danger is the queue itself read.

    With many voices that is computed for minutes, between transactions: a server ends those that stand still.
    """
    name = terms.account
    with opened() as connection:
        pace = pacing.pace(connection, terms, concurrency, now) if outline else None
        alerted = bool(outbox.standing(connection, [alerts.unsavable_key(name)]))
        known = set(_yielding(connection, name)) if alerted else set[int]()
    if pace is None or not unsavable(outline, pace):
        return Outlook(account=name, pace=pace, alerted=alerted, no_longer=sorted(known))
    with opened() as connection:
        found = queue.waiting(connection, name, policy, now).loads
    # Where the next try comes too late anyhow, that is no matter of rate or budget, and the voice has its own alerts.
    loads = [load for load in found if max(load.due, instant(now)) < load.deadline - CALL]
    told = forecast(loads, pace)
    hopeless = {load: load.size for load in set(found).difference(loads)} if told.lost else {}
    with opened() as connection:
        chosen = set(queue.members(connection, name, _sized(loads, told.yielding) | hopeless, now))
        known = set(_yielding(connection, name))
    return Outlook(
        account=name,
        pace=pace,
        lost=told.lost,
        first_loss=told.first_loss,
        remedies=told.remedies,
        alerted=alerted,
        last=sorted(chosen - known),
        no_longer=sorted(known - chosen),
    )


def pull_forward(connection: Connection, account: str, earlier: Mapping[int, int]) -> None:
    """Let untried voices be due earlier: by the quarter of an hour that their deadline lies in, from when on."""
    untried = (*WANTED, voices.c.account == account, voices.c.attempts == 0, voices.c.last_outcome.is_(None))
    for deadline, due in earlier.items():
        begins, due_at = moment(deadline), moment(max(due, _EARLIEST))
        these = (*untried, voices.c.deadline >= begins, voices.c.deadline < begins + QUARTER)
        connection.execute(update(voices).where(*these, voices.c.due_at > due_at).values(due_at=due_at))


def foretell(
    connection: Connection, terms: Terms, concurrency: int, loads: Sequence[Load], wish: Wish, now: datetime
) -> Forecast:
    """Forecast an account as it stands, or as it would be."""
    return forecast(loads, wish.of(pacing.pace(connection, terms, concurrency, now)))


def tell(connection: Connection, outlooks: Sequence[Outlook], now: datetime) -> None:
    """Raise the alarm of accounts that cannot save all, and mark who lets others go first; end both for the others."""
    for one in outlooks:
        if one.first_loss is not None:
            told = alerts.unsavable(one.account, one.lost, one.first_loss, now, list(_settings(one.remedies)))
            outbox.raise_alert(connection, told, now)
        for ids, yields in ((one.no_longer, 0), (one.last, 1)):
            _mark(connection, ids, yields)
    saved = sorted(alerts.unsavable_key(one.account) for one in outlooks if one.first_loss is None)
    outbox.resolve_all(connection, saved, now)


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


def _sized(loads: Sequence[Load], sizes: Mapping[int, int]) -> dict[Load, int]:
    return {load: sizes[load.key] for load in loads if load.key in sizes}


def _yielding(connection: Connection, account: str) -> Sequence[int]:
    """Return the voices that let others go first already, also those that their owner has put on hold since."""
    mine = (WAITING, voices.c.account == account, voices.c.yields != 0)
    return connection.execute(select(voices.c.id).where(*mine).order_by(voices.c.id)).scalars().all()


def _mark(connection: Connection, ids: Sequence[int], yields: int) -> None:
    for start in range(0, len(ids), _BATCH):
        these = voices.c.id.in_(ids[start : start + _BATCH])
        connection.execute(update(voices).where(WAITING, these).values(yields=yields))
