"""The accounts table: who is open, who is paused, and the rate limiter's next slot."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, or_, select, update

from voicekeeper.core import account as core
from voicekeeper.core import alert as alerts
from voicekeeper.core import skew
from voicekeeper.core.account import Account
from voicekeeper.core.alert import Alert
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import LAST_ROOM, Policy
from voicekeeper.core.voice import Intent
from voicekeeper.registry import outbox
from voicekeeper.registry.conditions import WAITING, WANTED
from voicekeeper.registry.rows import ACCOUNT_COLUMNS, AnyRow, fitted, to_account
from voicekeeper.registry.tables import accounts, voices
from voicekeeper.registry.types import enter, shared_now

#: What is said of a voice whose account is not configured.
UNKNOWN = "its account is not in the configuration"
#: The outcomes that move any account; the others move one that is in trouble.
_MOVES = frozenset({Outcome.BLOCKED, Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells an account's configuration from its last one; the lifetime of its voices, and of unknown accounts'."""

    fingerprint: str
    lifetime: timedelta = Policy().lifetime
    default_lifetime: timedelta = Policy().lifetime


def sync(connection: Connection, marks: Mapping[str, Mark]) -> None:
    """Enter the configured accounts; a new or changed one is probed at once and its voices are planned anew."""
    known = {account.name: account for account in everyone(connection)}
    _forget(connection, sorted(name for name in known.keys() - marks.keys() if known[name].fingerprint))
    changed = [name for name in marks if name not in known or known[name].fingerprint != marks[name].fingerprint]
    for name in sorted(changed):
        enter(connection, accounts, name=name)
        now = connection.execute(select(shared_now(connection))).scalar_one()
        fresh = {
            "fingerprint": marks[name].fingerprint,
            "probe_at": now,
            "throttles": 0,
            "failures": 0,
            "failing_since": None,
        }
        connection.execute(update(accounts).where(accounts.c.name == name).values(**fresh))
        outbox.resolve(connection, alerts.unknown_key(name), now)
        _plan_anew(connection, name)
        was_away = name in known and known[name].fingerprint is None
        _live_for(connection, name, marks[name], was_away=was_away)


def to_live_anew(connection: Connection, lifetimes: Mapping[str, timedelta], default: timedelta) -> bool:
    """Tell whether voices wait whose deadlines may follow from another lifetime than their account's by now."""
    query = select(accounts.c.name, accounts.c.lifetime, accounts.c.fingerprint)
    known = {
        row.name: _lived(row.lifetime, default, was_away=row.fingerprint is None) for row in connection.execute(query)
    }
    changed = [name for name, lifetime in lifetimes.items() if known.get(name, {default}) != {lifetime}]
    waiting = (WAITING, voices.c.deadline.is_not(None), voices.c.account.in_(changed))
    return connection.execute(select(voices.c.id).where(*waiting).limit(1)).first() is not None


def _forget(connection: Connection, names: Collection[str]) -> None:
    """End what is told of accounts that are configured no more, and their pause: nobody probes them.

    One that comes back later, even as it was, counts as changed.
    """
    if not names:
        return
    now = connection.execute(select(shared_now(connection))).scalar_one()
    told = (alerts.overdue_key, alerts.failing_key, alerts.unsavable_key, alerts.clock_key)
    keys = [key for name in names for key in (*alerts.behind_keys(name), *(one(name) for one in told))]
    outbox.resolve_all(connection, keys, now)
    opened = {"state": core.AccountState.OPEN.value, "reason": None, "paused_at": None, "probe_at": None, "probes": 0}
    connection.execute(update(accounts).where(accounts.c.name.in_(names)).values(**opened, fingerprint=None))
    connection.execute(update(voices).where(voices.c.account.in_(names), voices.c.yields != 0).values(yields=0))


def end_unknown(connection: Connection, now: datetime) -> None:
    """End the alerts of accounts that are not configured and under which nothing waits to be kept any more."""
    suffix = alerts.unknown_key("").removeprefix(alerts.account_key(""))
    for key in outbox.open_keys(connection, "account/"):
        name = key.removeprefix("account/").removesuffix(f"/{suffix}")
        if key != alerts.unknown_key(name):
            continue
        mine = select(voices.c.id).where(*WANTED, voices.c.account == name)
        if connection.execute(mine.limit(1)).first() is None:
            outbox.resolve(connection, key, now)


def everyone(connection: Connection) -> list[Account]:
    """Return all accounts that the registry knows, by name."""
    query = select(*ACCOUNT_COLUMNS).order_by(accounts.c.name)
    return [to_account(row) for row in connection.execute(query)]


def lock(connection: Connection, name: str) -> tuple[Account, datetime]:
    """Return an account, held until the transaction ends, and the time that all instances share."""
    query = select(*ACCOUNT_COLUMNS, shared_now(connection).label("shared_now")).where(accounts.c.name == name)
    row = connection.execute(query.with_for_update()).one()
    return to_account(row), row.shared_now


def save(connection: Connection, account: Account) -> None:
    """Write an account that `lock` has returned."""
    values = {column.name: getattr(account, column.name) for column in ACCOUNT_COLUMNS if column.name != "name"}
    values["reason"] = fitted(account.reason, 1000)
    connection.execute(update(accounts).where(accounts.c.name == account.name).values(**values))


def settle(connection: Connection, name: str, answer: Answer, now: datetime) -> tuple[Account, Account]:
    """Move an account by an answer, with its alert; return it before and after."""
    before, shared = lock(connection, name)
    after = core.after(before, answer, shared)
    if after != before:
        save(connection, after)
    if after.paused and not before.paused:
        outbox.raise_alert(connection, _paused_alert(connection, after, now), now)
    if before.paused and not after.paused:
        outbox.resolve(connection, alerts.account_key(name) + "paused", now)
    return before, after


def judge_clock(connection: Connection, name: str, found: timedelta, now: datetime) -> None:
    """Raise an account's alert about this machine's clock, or end it where the clock is right again."""
    level = skew.severity(found)
    if level is None:
        outbox.resolve(connection, alerts.clock_key(name), now)
    else:
        outbox.raise_alert(connection, alerts.wrong_clock(name, found, level), now)


def touches(account: Account, outcome: Outcome) -> bool:
    """Tell whether an answer can change this account, so that its row is worth locking."""
    uneasy = account.paused or account.throttles > 0 or account.failures > 0
    return uneasy or outcome in _MOVES


def probe_due(account: Account, now: datetime) -> bool:
    """Tell whether it is time for a paused account's next probe; the clock may have been set back since it was set."""
    return account.probe_at is None or not now < account.probe_at <= now + core.LONGEST_PROBE_WAIT


def take_probe(connection: Connection, account: Account, now: datetime) -> Account | None:
    """Take a paused account's next probe, if it is time; its alert is brought up to date."""
    if not probe_due(account, now):
        return None
    probed = core.probing(account, now)
    save(connection, probed)
    outbox.raise_alert(connection, replace(_paused_alert(connection, probed, now), renews=False), now)
    return probed


def give_probe_back(connection: Connection, taken: Account) -> None:
    """Make the probe due again that was taken and came to no call, unless the account has moved since."""
    if not taken.paused:
        return
    account, shared = lock(connection, taken.name)
    if account.paused and account.probe_at == taken.probe_at:
        save(connection, replace(account, probe_at=shared, probes=account.probes - 1))


def next_probe(now: datetime) -> Select[tuple[datetime]]:
    """Return the query for the next probe of a paused account."""
    paused = accounts.c.state == core.AccountState.PAUSED.value
    return select(func.min(accounts.c.probe_at)).where(paused, accounts.c.probe_at > now)


def _plan_anew(connection: Connection, name: str) -> None:
    """Let an account's voices that were not tried, blocked or set aside be planned again: its terms or key changed."""
    blocked = voices.c.last_outcome == Outcome.BLOCKED.value
    held_up = or_(voices.c.attempts == 0, blocked, voices.c.last_error == UNKNOWN)
    untried = (voices.c.account == name, held_up, voices.c.lease_owner.is_(None))
    for intent in Intent:
        mine = (WAITING, voices.c.intent == intent.value, *untried)
        connection.execute(update(voices).where(*mine).values(due_at=None, last_error=None))


def _live_for(connection: Connection, name: str, mark: Mark, *, was_away: bool) -> None:
    """Move the deadlines that follow from the account's lifetime, where that changed; given ones stand.

    What was registered while the account `was_away` follows from the default. The next sweep looks at their warnings
    anew, and plans those anew that would be tried too late.
    """
    mine = accounts.c.name == name
    planned_with = connection.execute(select(accounts.c.lifetime).where(mine)).scalar()
    old = _lived(planned_with, mark.default_lifetime, was_away=was_away)
    connection.execute(update(accounts).where(mine).values(lifetime=round(mark.lifetime.total_seconds())))
    if old == {mark.lifetime}:
        return
    waiting = (voices.c.account == name, WAITING, voices.c.deadline.is_not(None))
    query = select(voices.c.id, voices.c.cloned_at, voices.c.deadline, voices.c.due_at).where(*waiting)
    followed = [row for row in connection.execute(query) if row.deadline - row.cloned_at in old - {mark.lifetime}]
    if followed:
        moved = [_moved(row, row.cloned_at + mark.lifetime) for row in followed]
        times = {column: bindparam(column, type_=voices.c[column].type) for column in ("deadline", "warn_at", "due_at")}
        connection.execute(update(voices).where(voices.c.id == bindparam("row")).values(**times), moved)


def _lived(planned_with: int | None, default: timedelta, *, was_away: bool) -> set[timedelta]:
    """Return the lifetimes that an account's deadlines may follow from."""
    lifetimes = {default if planned_with is None else timedelta(seconds=planned_with)}
    return lifetimes | {default} if was_away else lifetimes


def _moved(row: AnyRow, deadline: datetime) -> dict[str, Any]:
    """Return a voice's times with another deadline; one that is due too late for it is planned anew."""
    in_time = row.due_at is not None and row.due_at < deadline - LAST_ROOM
    return {"row": row.id, "deadline": deadline, "warn_at": row.cloned_at, "due_at": row.due_at if in_time else None}


def _paused_alert(connection: Connection, account: Account, now: datetime) -> Alert:
    mine = select(func.min(voices.c.deadline)).where(*WANTED, voices.c.account == account.name)
    first = connection.execute(mine.where(voices.c.deadline > now)).scalar()
    return alerts.paused(account.name, account.reason or "", first - now if first else None)
