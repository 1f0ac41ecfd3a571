"""Writing what came of calls: the attempts' evidence, the voices' next states, their accounts, their alerts.

All answers that have come meanwhile are written together: a statement over many rows costs little more than over one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, case, func, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core import lifecycle
from voicekeeper.core.account import Account
from voicekeeper.core.lifecycle import Settled
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.voice import Status
from voicekeeper.registry import accounts, outbox
from voicekeeper.registry.leased import Claimed
from voicekeeper.registry.rows import AnyRow, fitted
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import attempts, voices

# Built once: building a statement costs more than running it, and these run for every voice.
# An answer that is known already stands; a doubt gives way to it. Ids are those of one registry: after a failover to an
# older copy the same number may be another call's, whose token differs.
_CLOSE = (
    update(attempts)
    .where(attempts.c.id == bindparam("attempt"), attempts.c.instance == bindparam("token"))
    .where(func.coalesce(attempts.c.outcome, Outcome.AMBIGUOUS.value) == Outcome.AMBIGUOUS.value)
    .values(
        task_id=func.coalesce(bindparam("task", type_=attempts.c.task_id.type), attempts.c.task_id),
        reserved=case((bindparam("doubted", type_=Integer) == 1, attempts.c.reserved)),
    )
)
#: What is said to close an attempt, and is no column of it.
_OF_CLOSING = frozenset({"attempt", "token", "task", "doubted"})
# A copy that lagged before a failover may not know the plan yet that the call was made by.
_PLANNED = func.coalesce(voices.c.deadline, bindparam("planned", type_=voices.c.deadline.type))
_WRITE = update(voices).where(voices.c.id == bindparam("row")).values(deadline=_PLANNED)
_HOLDERS = (
    select(voices.c.id, voices.c.account, voices.c.voice_id, voices.c.lease_owner, voices.c.status)
    .where(voices.c.id.in_(bindparam("rows", expanding=True)))
    .order_by(voices.c.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of one claimed voice's call at `now`, to be written down.

    One that is `late` could not be written then: of the account it says nothing new any more.
    """

    claimed: Claimed
    settled: Settled
    answer: Answer
    now: datetime
    terms: Terms
    late: bool = False

    @property
    def moves_account(self) -> bool:
        """Whether the answer concerns its account, and not this voice alone."""
        if self.late:
            return False
        account, outcome = self.claimed.account, self.answer.outcome
        alone = outcome is Outcome.BLOCKED and lifecycle.singled_out(self.claimed.voice, account_paused=account.paused)
        return not alone and accounts.touches(account, outcome)


@dataclass(frozen=True, slots=True)
class Written:
    """The account as it stands after an answer; `ours` tells whether the voice was still ours to move.

    A voice that is not `known` stands in another registry than this one.
    """

    account: Account
    ours: bool
    known: bool = True


def settle(connection: Connection, these: Sequence[Settlement]) -> list[Written]:
    """Record answers: the evidence in any case, a voice while the lease is still this one.

    A success is the truth whoever holds the voice by now. Recording the same answer twice changes nothing. Two answers
    of one voice are recorded one after the other: what may be done with the second follows from the first.
    """
    if len({one.claimed.voice.id for one in these}) < len(these):
        return [written for one in these for written in settle(connection, [one])]
    holders = _holders(connection, these)
    _write_evidence(connection, [one for one in these if one.claimed.voice.id in holders], holders)
    ours = {one.claimed.voice.id for one in these if _may_move(one, holders.get(one.claimed.voice.id))}
    write(connection, [one.settled for one in these if one.claimed.voice.id in ours], these[0].now)
    after = {id(one): _account(connection, one) for one in sorted(these, key=lambda one: one.claimed.account.name)}
    return [Written(after[id(one)], (row := one.claimed.voice.id) in ours, row in holders) for one in these]


def write(connection: Connection, changes: Sequence[Settled], now: datetime) -> None:
    """Write voices' own columns, free their leases, raise and resolve their alerts."""
    if not changes:
        return
    connection.execute(_WRITE, [_columns(one, now) for one in changes])
    for silently in (True, False):
        ended = [one.voice for one in changes if one.voice.status is not Status.WAITING]
        keys = [alerts.voice_key(voice) for voice in ended if (voice.status is not Status.KEPT) is silently]
        outbox.resolve_all(connection, keys, now, silently=silently)
    for one in changes:
        if one.alert:
            outbox.raise_alert(connection, one.alert, now)


def _holders(connection: Connection, these: Sequence[Settlement]) -> dict[int, AnyRow]:
    """Return who holds these voices, by the voice's id, locked until the transaction ends.

    A row of that id under another name is another voice: the registry is not the one that the voice was claimed in.
    """
    called = {one.claimed.voice.id: one.claimed.voice for one in these}
    rows = connection.execute(_HOLDERS, {"rows": list(called)})
    found = {row.id: row for row in rows}
    return {key: row for key, row in found.items() if called[key].name == f"{row.account}/{row.voice_id}"}


def _may_move(one: Settlement, holder: AnyRow | None) -> bool:
    if holder is None:
        return False
    if holder.lease_owner == one.claimed.token:
        return True
    return one.settled.voice.status is Status.KEPT and holder.status != Status.KEPT.value


def _write_evidence(connection: Connection, these: Sequence[Settlement], holders: Mapping[int, AnyRow]) -> None:
    """Close the attempts; one that is not there, as after a failover that forgot it, is entered again."""
    if not these:
        return
    paid = _paid(connection, holders)
    rows = [_evidence(one, again=one.claimed.voice.id in paid) for one in these]
    if connection.execute(_CLOSE, rows).rowcount == len(these):
        return
    begun = select(attempts.c.voice, attempts.c.instance).where(attempts.c.voice.in_(list(holders)))
    known = {(row.voice, row.instance) for row in connection.execute(begun)}
    both = zip(these, rows, strict=True)
    missing = [_entered(*pair) for pair in both if (pair[0].claimed.voice.id, pair[0].claimed.token) not in known]
    if missing:
        connection.execute(attempts.insert(), missing)


def _account(connection: Connection, one: Settlement) -> Account:
    if not one.moves_account:
        return one.claimed.account
    return accounts.settle(connection, one.claimed.account.name, one.answer, one.now)[1]


def _entered(one: Settlement, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a whole attempt, for one whose beginning the registry does not know any more."""
    begun = {"voice": one.claimed.voice.id, "instance": row["token"], "started_at": one.now, "model": one.terms.model}
    ended = {name: value for name, value in row.items() if name not in _OF_CLOSING}
    return begun | ended | {"task_id": row["task"]}


def _paid(connection: Connection, holders: Mapping[int, AnyRow]) -> set[int]:
    """Return the voices whose fee is recorded already: whoever slept during a call may find another one made."""
    kept = [key for key, row in holders.items() if row.status == Status.KEPT.value]
    if not kept:
        return set()
    fees = select(attempts.c.voice).where(attempts.c.voice.in_(kept), attempts.c.cost.is_not(None))
    return set(connection.execute(fees).scalars())


def _evidence(one: Settlement, *, again: bool) -> dict[str, Any]:
    """Return what closes an attempt; the price is written where it was a keep, and for each voice once."""
    answer, terms = one.answer, one.terms
    cost = _cost(answer, terms, again=again)
    return {
        "attempt": one.claimed.attempt,
        "token": one.claimed.token,
        "finished_at": one.now,
        "outcome": answer.outcome.value,
        "provider_code": fitted(answer.code, 64),
        "http_status": answer.http_status,
        "message": fitted(answer.message, 1000),
        "trace_id": fitted(answer.trace_id, 128),
        "task": fitted(answer.task_id, 128),
        "doubted": int(answer.outcome is Outcome.AMBIGUOUS),
        "characters": answer.characters,
        "cost": cost,
        "currency": terms.currency if cost is not None else None,
    }


def _cost(answer: Answer, terms: Terms, *, again: bool) -> Decimal | None:
    """Return what a keep cost, None for what costs nothing; a voice whose fee is recorded pays no second one."""
    if answer.outcome is not Outcome.KEPT or terms.price is None:
        return None
    speech = terms.price.speech if answer.characters is None else terms.price.of_characters(answer.characters)
    if again:
        return speech or None
    return terms.price.fee + speech


def _columns(one: Settled, now: datetime) -> dict[str, Any]:
    voice = one.voice
    return {
        "row": voice.id,
        "planned": voice.deadline,
        "status": voice.status.value,
        "due_at": voice.due_at,
        "attempts": voice.attempts,
        "last_outcome": voice.last_outcome,
        "last_error": fitted(voice.last_error, 1000),
        "streak": voice.streak,
        "streak_since": voice.streak_since,
        "kept_at": voice.kept_at,
        "verified_at": voice.verified_at,
        "lease_owner": None,
        "lease_until": None,
        "updated_at": now,
    }
