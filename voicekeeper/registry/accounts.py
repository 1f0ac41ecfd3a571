"""The accounts table: who is open, who is paused, and the rate limiter's next slot."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, func, select, update

from voicekeeper.core import account as core
from voicekeeper.core import alert as alerts
from voicekeeper.core import skew
from voicekeeper.core.account import Account
from voicekeeper.core.alert import Alert
from voicekeeper.core.outcome import Answer, Outcome
from voicekeeper.core.schedule import Policy
from voicekeeper.registry import outbox, renewal
from voicekeeper.registry.conditions import WAITING, WANTED, due
from voicekeeper.registry.database import Database
from voicekeeper.registry.leased import free
from voicekeeper.registry.renewal import Change
from voicekeeper.registry.rows import ACCOUNT_COLUMNS, AnyRow, fitted, to_account
from voicekeeper.registry.tables import accounts, voices
from voicekeeper.registry.types import enter, shared_now

#: Stands in place of a mark while an account's voices are planned anew, with so many lifetimes at most.
_BEGUN, _MOST_BEGUN = "begun", 5
#: The outcomes that move any account; the others move one that is in trouble.
_MOVES = frozenset({Outcome.BLOCKED, Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.AMBIGUOUS})


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells an account's configuration from its last one; the lifetime of its voices, and of unknown accounts'."""

    fingerprint: str
    lifetime: timedelta = Policy().lifetime
    default_lifetime: timedelta = Policy().lifetime


def sync(database: Database, marks: Mapping[str, Mark]) -> None:
    """Enter the configured accounts; a new or changed one is probed at once and its voices are planned anew.

    Its mark is written last: where this is cut off, the account counts as changed still.
    """
    changes = database.call(_changes, marks)
    after = 0 if changes else None
    while after is not None:
        after = database.call(renewal.renew_some, changes, after)
    if changes:
        database.call(_note, {name: marks[name] for name in changes})


def _changes(connection: Connection, marks: Mapping[str, Mark]) -> dict[str, Change]:
    """Note which accounts are new or changed, and which are gone; return what is new for the voices of the former."""
    columns = (accounts.c.name, accounts.c.fingerprint, accounts.c.lifetime)
    known = {row.name: row for row in connection.execute(select(*columns).order_by(accounts.c.name))}
    _forget(connection, sorted(name for name in known.keys() - marks.keys() if known[name].fingerprint))
    changes = {}
    for name, mark in sorted(marks.items()):
        if name not in known or known[name].fingerprint != mark.fingerprint:
            changes[name] = Change(mark.lifetime, frozenset(_lived(known.get(name), mark.default_lifetime)))
            _begin(connection, name, changes[name])
    return changes


def _begin(connection: Connection, name: str, change: Change) -> None:
    """Note that an account's voices may live as before or as they shall: the next start may want a third lifetime."""
    enter(connection, accounts, name=name)
    lifetimes = sorted(round(one.total_seconds()) for one in {change.lifetime, *change.until_now})
    begun = " ".join([_BEGUN, *map(str, lifetimes[:_MOST_BEGUN])])
    connection.execute(update(accounts).where(accounts.c.name == name).values(fingerprint=begun))


def _note(connection: Connection, marks: Mapping[str, Mark]) -> None:
    """Write down the marks of new and changed accounts, and have them probed at once."""
    for name in sorted(marks):
        now = connection.execute(select(shared_now(connection))).scalar_one()
        fresh = {
            "fingerprint": marks[name].fingerprint,
            "lifetime": round(marks[name].lifetime.total_seconds()),
            "probe_at": now,
            "throttles": 0,
            "failures": 0,
            "failing_since": None,
        }
        connection.execute(update(accounts).where(accounts.c.name == name).values(**fresh))
        outbox.resolve(connection, alerts.unknown_key(name), now)


def to_live_anew(connection: Connection, lifetimes: Mapping[str, timedelta], default: timedelta) -> bool:
    """Tell whether voices wait whose deadlines may follow from another lifetime than their account's by now."""
    query = select(accounts.c.name, accounts.c.lifetime, accounts.c.fingerprint)
    known = {row.name: _lived(row, default) for row in connection.execute(query)}
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


def next_slot(now: datetime, shared: datetime) -> Select[datetime]:
    """Return the query for the next slot of an open account for which due voices wait that nobody holds."""
    waits = select(voices.c.id).where(*due(now), voices.c.account == accounts.c.name, free(shared)).exists()
    later = (accounts.c.state == core.AccountState.OPEN.value, accounts.c.slot_at > shared)
    return select(func.min(accounts.c.slot_at)).where(*later, waits)


def _lived(row: AnyRow | None, default: timedelta) -> set[timedelta]:
    """Return the lifetimes that an account's deadlines may follow from; the default, what came while it was away."""
    if row is None:
        return {default}
    word, *lifetimes = (row.fingerprint or "").split(" ")
    if word == _BEGUN:
        return {timedelta(seconds=int(lifetime)) for lifetime in lifetimes}
    lived = {default if row.lifetime is None else timedelta(seconds=row.lifetime)}
    return lived if row.fingerprint else lived | {default}


def _paused_alert(connection: Connection, account: Account, now: datetime) -> Alert:
    mine = select(func.min(voices.c.deadline)).where(*WANTED, voices.c.account == account.name)
    first = connection.execute(mine.where(voices.c.deadline > now)).scalar()
    return alerts.paused(account.name, account.reason or "", first - now if first else None)
