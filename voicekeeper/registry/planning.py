"""What a sweep does besides calling: it gives voices their times, puts some off, lets some go, and warns of others."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, literal, select, update

from voicekeeper.core import alert as alerts
from voicekeeper.core import lifecycle
from voicekeeper.core.schedule import Policy, plan, rung_reached
from voicekeeper.core.voice import Intent, Voice
from voicekeeper.registry import accounts, doubts, outbox, settling
from voicekeeper.registry.conditions import UNKNOWN, WAITING, WANTED
from voicekeeper.registry.rows import select_voices, to_voice
from voicekeeper.registry.tables import voices
from voicekeeper.registry.types import Utc

_BATCH = 500
#: What is set aside costs less for each voice, and there may be a million of them.
ASIDE = 2_000
#: What no account can keep is looked at again so much later, and sooner where its deadline is near.
_SET_ASIDE, _SET_ASIDE_HURRIED, _HURRIED = timedelta(hours=1), timedelta(minutes=5), timedelta(hours=8)


def plan_some(connection: Connection, policies: Mapping[str, Policy], default: Policy) -> int:
    """Plan some of the voices that have no times yet; return how many."""
    unplanned = (WAITING, voices.c.intent.in_([intent.value for intent in Intent]), voices.c.due_at.is_(None))
    columns = (voices.c.id, voices.c.account, voices.c.voice_id, voices.c.cloned_at, voices.c.deadline)
    query = select(*columns).where(*unplanned).limit(_BATCH)
    rows = connection.execute(query.with_for_update(skip_locked=True)).all()
    planned = []
    for row in rows:
        name, policy = f"{row.account}/{row.voice_id}", policies.get(row.account, default)
        times = plan(row.cloned_at, row.deadline, policy, name)
        planned.append({"row": row.id, "deadline": times.deadline, "due_at": times.due_at, "warn_at": times.warn_at})
    if planned:
        times_of: dict[str, Any] = {name: bindparam(name) for name in ("deadline", "due_at", "warn_at")}
        connection.execute(update(voices).where(voices.c.id == bindparam("row")).values(**times_of), planned)
    return len(rows)


def set_aside_some(connection: Connection, configured: Sequence[str], now: datetime) -> list[str]:
    """Put off some of the due voices whose account is not configured, with one alert an account; return these accounts.

    The alert ends when nothing waits under the account any more, or when it is configured.
    """
    accounts.end_unknown(connection, now)
    unknown = (*WANTED, voices.c.due_at <= now, voices.c.account.not_in(list(configured)))
    # In the order of the index: asked for distinct accounts, SQLite reads all voices in the order of these.
    some = select(voices.c.id, voices.c.account).where(*unknown).order_by(voices.c.due_at).limit(ASIDE)
    rows = connection.execute(some.with_for_update(skip_locked=True)).all()
    names = sorted({row.account for row in rows})
    for name in names:
        outbox.raise_alert(connection, alerts.unknown_account(name), now)
    if rows:
        hurried = voices.c.deadline.between(now, now + _HURRIED)  # its row may be given a known account any moment
        later = case((hurried, literal(now + _SET_ASIDE_HURRIED, Utc)), else_=literal(now + _SET_ASIDE, Utc))
        theirs = voices.c.id.in_([row.id for row in rows])
        connection.execute(update(voices).where(theirs).values(due_at=later, last_error=UNKNOWN))
    return names


def expire_some(connection: Connection, now: datetime) -> list[Voice]:
    """Settle some of the held and released voices whose deadline has passed; return them as they now are."""
    over = (WAITING, voices.c.intent.in_([Intent.HOLD.value, Intent.RELEASE.value]), voices.c.deadline <= now)
    query = select_voices().where(*over).order_by(voices.c.deadline).limit(_BATCH).with_for_update(skip_locked=True)
    settled = [
        lifecycle.expire(doubts.doubted(connection, to_voice(row), now), now) for row in connection.execute(query).all()
    ]
    settling.write(connection, settled, now)
    return [change.voice for change in settled]


def warn_some(
    connection: Connection,
    policies: Mapping[str, Policy],
    default: Policy,
    now: datetime,
    *,
    paused: Sequence[str] = (),
    queued: Collection[str] = (),
    stopped: Mapping[str, str] | None = None,
) -> int:
    """Look at some of the voices that have reached a rung of warning.

    Those of paused accounts are held back; those of accounts in `queued` may only wait for a slot, and those of
    `stopped` accounts wait for the reason that stands there.
    """
    reached = (WAITING, voices.c.warn_at <= now, voices.c.account.not_in(list(paused)))
    query = select_voices().where(*reached).order_by(voices.c.warn_at).limit(_BATCH).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    for voice in map(to_voice, rows):
        policy = policies.get(voice.account, default)
        why = (stopped or {}).get(voice.account)
        change = lifecycle.warn(voice, now, policy, queued=voice.account in queued, stopped=why)
        noted = {"warn_at": change.voice.warn_at, "last_error": change.voice.last_error}
        connection.execute(update(voices).where(voices.c.id == voice.id).values(**noted))
        if change.alert:
            outbox.raise_alert(connection, change.alert, now)
        elif voice.deadline and rung_reached(voice.deadline, now, policy.warn_before) is None:
            outbox.resolve(connection, alerts.rung_key(voice), now)  # its deadline was put off
    return len(rows)
