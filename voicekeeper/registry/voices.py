"""The voices table for people and their programs: register, look, decide."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, literal, or_, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core.account import Account
from voicekeeper.core.errors import InputError
from voicekeeper.core.schedule import Policy, plan
from voicekeeper.core.voice import Intent, Origin, Status, Voice
from voicekeeper.registry import accounts, doubts, outbox
from voicekeeper.registry.conditions import WAITING
from voicekeeper.registry.entering import UNFIT, enter_fitting, enter_singly, savepoint
from voicekeeper.registry.leased import free
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import Utc, shared_now

T = TypeVar("T")

_BATCH = 500
_LONGEST_ID = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVoice:
    """A voice to register: what its owner knows about it."""

    account: str
    voice_id: str
    cloned_at: datetime
    label: str = ""
    origin: Origin = Origin.CLONE
    intent: Intent = Intent.KEEP
    priority: int = 0
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which voices to list; None means all. `at_risk_before` takes waiting voices with a deadline before then."""

    status: Status | None = None
    account: str | None = None
    at_risk_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many voices stand where, by account and status; the waiting ones' next deadline, by account."""

    counts: dict[tuple[str, Status], int]
    next_deadline: dict[str, datetime]
    on_hold: int
    overdue: int
    unverified: int
    accounts: list[Account]
    alerts: list[outbox.Pending]


def known(connection: Connection, names: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of these (account, voice_id) that are registered already."""
    found: set[tuple[str, str]] = set()
    for part in _parts(list(names)):
        same = or_(*(and_(voices.c.account == account, voices.c.voice_id == voice) for account, voice in part))
        found.update((row.account, row.voice_id) for row in connection.execute(select(voices).where(same)))
    return found


def register(connection: Connection, new: Sequence[NewVoice]) -> None:
    """Register these voices, all or none; raise InputError that names those which the registry refuses.

    Where it refuses none, another program was quicker with one of them.
    """
    try:
        with savepoint(connection):
            for part in _parts(new):
                connection.execute(voices.insert(), [as_row(voice) for voice in part])
    except UNFIT as error:
        refused = enter_singly(connection, voices, [as_row(voice) for voice in new])
        named = [f"{new[place].account}/{new[place].voice_id}: {reason}" for place, reason in refused.items()]
        raise InputError(named or "one of these voices was registered a moment ago: try again") from error


def any_of(connection: Connection, account: str) -> bool:
    """Tell whether a voice belongs to this account, configured or not."""
    return connection.execute(select(voices.c.id).where(voices.c.account == account).limit(1)).first() is not None


def find(connection: Connection, name: str) -> list[Voice]:
    """Return the voices that go by this name: VOICE_ID, or ACCOUNT/VOICE_ID."""
    account, _, voice_id = name.partition("/")
    named = or_(voices.c.voice_id == name, and_(voices.c.account == account, voices.c.voice_id == voice_id))
    return [to_voice(row) for row in connection.execute(select_voices().where(named).order_by(voices.c.account))]


def listing(connection: Connection, wanted: Filter, after: Voice | None, limit: int) -> list[Voice]:
    """Return a page of voices, earliest deadline first, the unplanned ones before all others."""
    query = _matching(wanted).order_by(_rank(), voices.c.id).limit(limit)
    if after:
        # Read in the database, because SQLite compares text and another program may have written a shorter one.
        last = select(_rank()).where(voices.c.id == after.id).scalar_subquery() if after.deadline else _EARLIEST
        query = query.where(or_(_rank() > last, and_(_rank() == last, voices.c.id > after.id)))
    return [to_voice(row) for row in connection.execute(query)]


def evidence(connection: Connection, voice: Voice) -> list[dict[str, Any]]:
    """Return every attempt made with a voice, the oldest first, as rows named like the columns."""
    query = select(attempts).where(attempts.c.voice == voice.id).order_by(attempts.c.id)
    return [row._asdict() for row in connection.execute(query)]


def summary(connection: Connection, now: datetime) -> Summary:
    """Count everything once."""
    each = select(voices.c.account, voices.c.status, func.count(), func.min(voices.c.deadline))
    counts, first = {}, {}
    for account, status, count, deadline in connection.execute(each.group_by(voices.c.account, voices.c.status)):
        counts[account, Status(status)] = count
        if status == Status.WAITING and deadline:
            first[account] = deadline
    return Summary(
        counts=counts,
        next_deadline=first,
        on_hold=_count(connection, WAITING, voices.c.intent == Intent.HOLD.value),
        overdue=_count(connection, WAITING, voices.c.deadline <= now),
        unverified=_count(connection, voices.c.status == Status.KEPT.value, voices.c.verified_at.is_(None)),
        accounts=accounts.everyone(connection),
        alerts=outbox.open_alerts(connection),
    )


def decide(connection: Connection, voice: Voice, intent: Intent, now: datetime) -> bool:
    """Change what is wanted with a waiting voice; False when it waits no longer."""
    mine = (voices.c.id == voice.id, WAITING)
    wanted: dict[str, Any] = {"intent": intent.value, "yields": 0, "updated_at": now}
    if voice.intent is Intent.RELEASE and intent is not Intent.RELEASE:
        wanted |= {"warn_at": _if_planned(now)}  # its alarm ended with its release
    changed = connection.execute(update(voices).where(*mine).values(**wanted)).rowcount
    if changed and intent is Intent.RELEASE:
        outbox.resolve(connection, alerts.voice_key(voice), now, silently=True)
    return bool(changed)


def retry(connection: Connection, voice: Voice, policy: Policy, now: datetime) -> bool:
    """Make a voice due at once, a lost or released one as well; False when it is kept already.

    One that no sweep has planned yet is given its deadline here, which its due time would come with. The alarm ends,
    and is raised again where the voice is still not kept after the next sweep.
    """
    deadline = func.coalesce(voices.c.deadline, literal(plan(voice.cloned_at, voice.deadline, policy).deadline, Utc))
    again = {"status": Status.WAITING.value, "intent": Intent.KEEP.value, "streak": 0, "yields": 0, "updated_at": now}
    at_once = {"deadline": deadline, "due_at": now, "warn_at": now}
    mine = (voices.c.id == voice.id, voices.c.status != Status.KEPT.value)
    changed = connection.execute(update(voices).where(*mine).values(**again, **at_once)).rowcount
    if changed:
        outbox.resolve(connection, alerts.voice_key(voice), now, silently=True)
    return bool(changed)


def _if_planned(now: datetime) -> ColumnElement[datetime | None]:
    """Return a time for voices that have a deadline, and none for those that get all of their times with it."""
    return case((voices.c.deadline.is_not(None), literal(now, Utc)))


def provable(connection: Connection, account: str, listed: Collection[str], instance: str | None = None) -> list[Voice]:
    """Return the voices that the provider's list proves anew: waiting, lost, or kept and not verified.

    Of one that another instance calls, the answer tells, and what it cost.
    """
    open_ones = voices.c.status.in_([Status.WAITING.value, Status.LOST.value])
    kept = and_(voices.c.status == Status.KEPT.value, voices.c.verified_at.is_(None))
    mine = select_voices().where(voices.c.account == account, or_(open_ones, kept))
    mine = mine.where(free(shared_now(connection), instance))
    found: list[Voice] = []
    for part in _parts(sorted(name for name in listed if can_be_registered(name))):
        found.extend(to_voice(row) for row in connection.execute(mine.where(voices.c.voice_id.in_(part))))
    return found


def unverified(connection: Connection, account: str, limit: int) -> list[Voice]:
    """Return some of an account's kept voices that no list has shown yet, the oldest first."""
    mine = select_voices().where(voices.c.account == account, voices.c.status == Status.KEPT.value)
    query = mine.where(voices.c.verified_at.is_(None)).order_by(voices.c.kept_at).limit(limit)
    return [to_voice(row) for row in connection.execute(query)]


def prove(
    connection: Connection,
    shown: Sequence[Voice],
    now: datetime,
    currency: str | None = None,
    instance: str | None = None,
) -> list[Voice]:
    """Note that the provider's list shows these voices; a waiting or lost one is thereby kept, without a call.

    What an earlier call with it may have cost is booked, in the account's currency. Returns them, but for those that
    other instances call meanwhile.
    """
    ours = free(shared_now(connection), instance)
    return [voice for part in _parts(shown) for voice in _prove(connection, part, ours, now, currency)]


def _prove(
    connection: Connection, shown: Sequence[Voice], ours: ColumnElement[bool], now: datetime, currency: str | None
) -> list[Voice]:
    these = (voices.c.id.in_([voice.id for voice in shown]), ours)
    ids = set(connection.execute(select(voices.c.id).where(*these).order_by(voices.c.id).with_for_update()).scalars())
    kept = {"status": Status.KEPT.value, "kept_at": func.coalesce(voices.c.kept_at, now), "verified_at": now}
    freed = {"lease_owner": None, "lease_until": None, "last_error": None, "updated_at": now}
    connection.execute(update(voices).where(voices.c.id.in_(ids)).values(**kept, **freed))
    proved = [voice for voice in shown if voice.id in ids]
    anew = [voice for voice in proved if voice.status is not Status.KEPT]
    doubts.book(connection, [voice.id for voice in anew], currency, now)
    for voice in anew:
        outbox.resolve(connection, alerts.voice_key(voice), now)
    return proved


def can_be_registered(voice_id: str) -> bool:
    """Tell whether every database takes this name as it stands, and people can read it."""
    return 0 < len(voice_id) <= _LONGEST_ID and voice_id.isprintable() and voice_id == voice_id.strip()


def adopt(connection: Connection, shown: Sequence[NewVoice], now: datetime) -> list[str]:
    """Register voices that the provider's list shows, as kept; return the ids that the registry refuses.

    One that somebody entered meanwhile stays as it is.
    """
    kept = {"status": Status.KEPT.value, "kept_at": now, "verified_at": now}
    refused = enter_fitting(connection, voices, [as_row(voice) | kept for voice in shown])
    return [shown[place].voice_id for place in refused]


def ids_of(connection: Connection, account: str) -> set[str]:
    """Return all voice ids registered under an account."""
    return set(connection.execute(select(voices.c.voice_id).where(voices.c.account == account)).scalars())


_EARLIEST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _rank() -> Any:  # noqa: ANN401 - SQLAlchemy's expressions have no shorter type
    return func.coalesce(voices.c.deadline, _EARLIEST)


def _matching(wanted: Filter) -> Select[*tuple[Any, ...]]:
    query = select_voices()
    if wanted.status:
        query = query.where(voices.c.status == wanted.status.value)
    if wanted.account:
        query = query.where(voices.c.account == wanted.account)
    if wanted.at_risk_before:
        at_risk = or_(voices.c.deadline.is_(None), voices.c.deadline <= wanted.at_risk_before)
        query = query.where(WAITING, at_risk)
    return query


def _count(connection: Connection, *conditions: Any) -> int:  # noqa: ANN401 - likewise
    return connection.execute(select(func.count()).select_from(voices).where(*conditions)).scalar_one()


def as_row(voice: NewVoice) -> dict[str, Any]:
    """Return a new voice as the table's columns."""
    return {
        "account": voice.account,
        "voice_id": voice.voice_id,
        "cloned_at": voice.cloned_at,
        "label": voice.label,
        "origin": voice.origin.value,
        "intent": voice.intent.value,
        "priority": voice.priority,
        "deadline": voice.deadline,
    }


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
