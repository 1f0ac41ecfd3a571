"""Claiming: what keeps two instances from working the same voice.

A voice is claimed by a lease with a token of its own; its attempt is written in the same transaction, before any
call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, case, or_, select, update

from voicekeeper.core import account as core
from voicekeeper.core import alert as alerts
from voicekeeper.core import rate
from voicekeeper.core.account import Account
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Voice
from voicekeeper.registry import accounts, conditions, doubts, outbox, spending
from voicekeeper.registry.conditions import NEAR
from voicekeeper.registry.leased import Claimed, free
from voicekeeper.registry.rows import fitted, select_voices, to_voice
from voicekeeper.registry.spending import Terms
from voicekeeper.registry.tables import attempts, voices
from voicekeeper.registry.types import shared_now

_BATCH = 500
_UNSURE = 20
_SET_ASIDE = timedelta(hours=1)  # what cannot be worked is looked at again so much later
_TASK_LIFE = timedelta(hours=1)  # a task that has not ended after it is given up, and the call is made anew

Q = TypeVar("Q", bound=Select[Any])


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim brought: work, or how long the account has to wait for its next slot, or why it is stopped.

    `untouched` are the ids that may still be free; `probe` says that the account is paused and this tries it.
    """

    work: Sequence[Claimed] = ()
    untouched: Sequence[int] = ()
    wait: timedelta | None = None
    stopped: str | None = None
    probe: bool = False


def due(connection: Connection, account: str, now: datetime) -> list[int]:
    """Return ids of an account's due voices, in working order; a page of them at most."""
    mine = select(voices.c.id).where(*conditions.due(now), voices.c.account == account, free(shared_now(connection)))
    return [row.id for row in connection.execute(_in_order(mine, now).limit(_BATCH))]


def claim(connection: Connection, terms: Terms, ids: Sequence[int], most: int, now: datetime, token: str) -> Claim:
    """Lease the first `most` of these voices that are still due and free, as slots and budget of the account allow."""
    account, shared = accounts.lock(connection, terms.account)
    if account.paused and not accounts.probe_due(account, shared):
        return Claim(stopped=f"paused: {account.reason}")
    if account.paused:
        ids, most = _to_probe(connection, account, ids, now, shared), 1
    found = _lock_free(connection, ids, most, now, shared)
    if not found:
        return Claim()
    space = _space(account, terms, found, now, shared)
    slots = rate.reserve(account.slot_at, shared, space, len(found))
    if not slots.waits:
        return Claim(untouched=ids, wait=slots.next_at - shared)
    granted = spending.affordable(connection, terms, now, [voice.id for voice in found[: len(slots.waits)]])
    chosen = found[:granted] or _in_doubt(connection, terms, len(slots.waits), now, shared)
    if not chosen:
        return Claim(stopped=spending.SPENT)
    if account.paused:
        account = accounts.take_probe(connection, account, shared) or account
    used = rate.reserve(account.slot_at, shared, space, len(chosen))
    accounts.save(connection, replace(account, slot_at=used.next_at))
    _lease(connection, chosen, token, shared + terms.lease)
    work = _begin(connection, chosen, token, now, terms)
    waits = zip(work, used.waits, strict=True)
    claimed = [
        Claimed(voice, account, attempt, task, token, wait, now + terms.lease) for (voice, attempt, task), wait in waits
    ]
    return Claim(claimed, untouched=_behind(ids, chosen[:granted]), probe=account.paused)


def _behind(ids: Sequence[int], chosen: Sequence[Voice]) -> Sequence[int]:
    """Return the ids after the last chosen one: what stands before it and was not free is worked elsewhere."""
    places = {row: place for place, row in enumerate(ids, 1)}
    return ids[max((places.get(voice.id, 0) for voice in chosen), default=0) :]


def _space(account: Account, terms: Terms, found: Sequence[Voice], now: datetime, shared: datetime) -> timedelta:
    """Return the space between two calls: wider in trouble and after it, but not where a deadline is near."""
    hurried = any(voice.deadline is not None and now < voice.deadline <= now + NEAR for voice in found)
    return terms.space if hurried else core.space(account, terms.space, shared)


def _to_probe(
    connection: Connection, account: Account, ids: Sequence[int], now: datetime, shared: datetime
) -> Sequence[int]:
    """Choose the voice that tries a paused account: the earliest deadline, so that the probe is useful work.

    Every second time, and at first, it is one that was not blocked before: a poisoned voice could keep the account
    closed, and where sweeps are an hour apart, take every one of them.
    """
    if account.probes % 2 == 0:
        spared = or_(voices.c.last_outcome.is_(None), voices.c.last_outcome != Outcome.BLOCKED.value)
        mine = select(voices.c.id).where(*conditions.due(now), voices.c.account == account.name, free(shared), spared)
        for other in connection.execute(_in_order(mine, now).limit(1)):
            return [other.id]
    return ids


def _in_doubt(connection: Connection, terms: Terms, most: int, now: datetime, shared: datetime) -> list[Voice]:
    """Choose the voices whose fee the spent budget counts already, wherever in the line they stand.

    Their last call may have been billed: waiting for a new budget would put them at risk and save nothing.
    """
    unsure = or_(voices.c.last_outcome == Outcome.AMBIGUOUS.value, voices.c.lease_owner.is_not(None))
    mine = select(voices.c.id).where(*conditions.due(now), voices.c.account == terms.account, free(shared), unsure)
    found = [row.id for row in connection.execute(_in_order(mine, now).limit(_UNSURE))]
    known = spending.payable(connection, terms, now, found)
    return _lock_free(connection, known, most, now, shared)


def note_task(connection: Connection, claimed: Claimed, task_id: str) -> None:
    """Write down the task that a call began, before its end is awaited."""
    connection.execute(update(attempts).where(attempts.c.id == claimed.attempt).values(task_id=fitted(task_id, 128)))


def give_back(connection: Connection, claimed: Claimed, now: datetime) -> None:
    """Undo a claim whose call was never made: the attempt goes, the voice is free and due as before, and the probe.

    What the claim found out of an earlier call stays: nobody else would, for that call's attempt is closed.
    """
    known = {"last_outcome": claimed.voice.last_outcome, "updated_at": now}
    mine = (voices.c.id == claimed.voice.id, voices.c.lease_owner == claimed.token)
    connection.execute(attempts.delete().where(attempts.c.id == claimed.attempt, attempts.c.finished_at.is_(None)))
    connection.execute(update(voices).where(*mine).values(lease_owner=None, lease_until=None, **known))
    accounts.give_probe_back(connection, claimed.account)


def put_aside(connection: Connection, claimed: Claimed, problem: str, now: datetime) -> None:
    """Undo a claim of a voice that cannot be worked, with an alert; it is looked at again after a while."""
    later = {"due_at": now + _SET_ASIDE, "last_error": fitted(problem, 1000)}
    mine = (voices.c.id == claimed.voice.id, voices.c.lease_owner == claimed.token)
    if connection.execute(update(voices).where(*mine).values(**later)).rowcount:
        outbox.raise_alert(connection, alerts.unworkable(claimed.voice, problem), now)
    give_back(connection, claimed, now)


def _in_order(query: Q, now: datetime) -> Q:
    """Put the earliest deadline first, then those that yield, and those past their deadline last.

    The order is that of `core.queue`, by which forecasts are played.
    """
    past = case((voices.c.deadline <= now, 1), else_=0)
    return query.order_by(past, voices.c.yields, voices.c.deadline, voices.c.priority.desc(), voices.c.id)


def _lock_free(connection: Connection, ids: Sequence[int], most: int, now: datetime, shared: datetime) -> list[Voice]:
    """Look again under the lock: the first `most` of these that are still due and free, in working order."""
    mine = select_voices().where(voices.c.id.in_(ids), *conditions.due(now), free(shared))
    query = _in_order(mine, now).limit(most).with_for_update(skip_locked=True)
    return [to_voice(row) for row in connection.execute(query)]


def _lease(connection: Connection, found: Sequence[Voice], token: str, until: datetime) -> None:
    mine = voices.c.id.in_([voice.id for voice in found])
    connection.execute(update(voices).where(mine).values(lease_owner=token, lease_until=until))


def _begin(
    connection: Connection, found: Sequence[Voice], token: str, now: datetime, terms: Terms
) -> list[tuple[Voice, int, str | None]]:
    """Write down the attempts, before any call can be made; return each voice with its attempt and its open task."""
    if not found:
        return []
    doubted = [doubts.doubted(connection, voice, now) for voice in found]
    tasks = [_open_task(connection, voice, now) for voice in doubted]
    reserved = terms.price.keep if terms.price else None
    row = {"instance": token, "started_at": now, "model": terms.model, "reserved": reserved}
    connection.execute(attempts.insert(), [row | {"voice": voice.id} for voice in doubted])
    ours = (attempts.c.voice.in_([voice.id for voice in found]), attempts.c.instance == token)
    begun = select(attempts.c.voice, attempts.c.id).where(*ours, attempts.c.finished_at.is_(None))
    of_voice = {row.voice: row.id for row in connection.execute(begun)}
    return [(voice, of_voice[voice.id], task) for voice, task in zip(doubted, tasks, strict=True)]


def _open_task(connection: Connection, voice: Voice, now: datetime) -> str | None:
    """Return the task that an earlier attempt began, while its end is not known and it can still end."""
    if voice.last_outcome != Outcome.AMBIGUOUS:
        return None
    of_voice = (attempts.c.voice == voice.id, attempts.c.task_id.is_not(None))
    query = select(attempts.c.task_id, attempts.c.outcome, attempts.c.started_at).where(*of_voice)
    began: dict[str, datetime] = {}
    ended = set()
    for row in connection.execute(query.order_by(attempts.c.id)):
        began.setdefault(row.task_id, row.started_at)  # asking for a task is an attempt too, and begins nothing
        if row.outcome not in (None, Outcome.AMBIGUOUS.value):
            ended.add(row.task_id)
    return next((task for task, at in began.items() if task not in ended and at > now - _TASK_LIFE), None)
