"""The alerts table: raised in the same transaction as their cause, told afterwards, each by one instance."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, case, func, literal, select, update

from voicekeeper.core.alert import Alert, Severity
from voicekeeper.core.wording import Facts, Language, pack, reworded, unpack
from voicekeeper.registry.rows import AnyRow, fitted
from voicekeeper.registry.tables import alerts
from voicekeeper.registry.types import enter

#: An instance that took alerts and died before it told them is given this long.
TELLING = timedelta(minutes=2)
#: One message tells at most this many, as far as a statement's values go; the rest follow with the next one.
_BATCH = 20_000
_RANKS = {Severity.CRITICAL.value: 0, Severity.WARNING.value: 1}
_RANK = case(_RANKS, value=alerts.c.severity, else_=2)


@dataclass(frozen=True, slots=True)
class Pending:
    """An alert that somebody has to be told: that it is, or, when `resolved`, that it is over.

    Whoever took it has `until` then to tell it; a renewal meanwhile moves that time, and is told in its turn.
    """

    id: int
    key: str
    severity: Severity
    title: str
    body: str
    opened_at: datetime
    event: bool
    resolved: bool
    tries: int
    until: datetime
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Due(Pending):
    """An alert that was taken to be told.

    `heard` are the channels that know of it, `owed` those still to be told, None for everybody; `kind` and `facts`
    say it in any language, "" where it has only its own words.
    """

    sent_at: datetime | None = None
    heard: frozenset[str] = frozenset()
    owed: frozenset[str] | None = None
    kind: str = ""
    facts: Facts = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """What is the same in alerts that say the same of other voices: kind, account, and which rung was reached."""
        parts = (self.kind or self.key.rpartition("/")[2], self.account or "", str(self.facts.get("reached", "")))
        return " ".join(" ".join(parts).split())

    def words(self, language: Language) -> tuple[str, str]:
        """Return its title and body in a language."""
        return reworded((self.title, self.body), self.kind, self.facts, language)


def raise_alert(connection: Connection, alert: Alert, now: datetime) -> None:
    """Raise an alert, or bring the open one of the same key up to date.

    One that renews is told again, and one that has become more severe: some channels hear of it only now.
    """
    told = {
        "severity": alert.severity.value,
        "title": fitted(alert.title, 500),
        "body": fitted(alert.body, 5000),
        "account": alert.account,
        "facts": pack(alert.kind, _bounded(alert.facts)) if alert.kind else None,
    }
    values = [(alerts.c[name], value) for name, value in (_again(alert, now) | told).items()]
    if connection.execute(update(alerts).where(alerts.c.open_key == alert.key).ordered_values(*values)).rowcount:
        return
    lasting = {"key": alert.key, "event": int(alert.event), "opened_at": now, "next_at": now}
    enter(connection, alerts, open_key=alert.key, **lasting, **told)


def _again(alert: Alert, now: datetime) -> dict[str, Any]:
    """Return what has an open alert told again, where it has to be.

    It stands before the new severity in the statement: MariaDB and MySQL assign one after the other.
    """
    fresh = {"next_at": now, "tries": 0, "owed": None}
    if alert.renews:
        return fresh
    grows = _RANKS.get(alert.severity.value, 2) < _RANK
    columns = {name: alerts.c[name] for name in fresh}
    return {name: case((grows, literal(fresh[name], column.type)), else_=column) for name, column in columns.items()}


# Built once, because it runs for every voice. A range, because LIKE reads the whole table on SQLite and PostgreSQL.
_RESOLVE = update(alerts).where(alerts.c.open_key >= bindparam("first"), alerts.c.open_key < bindparam("after"))
_RESOLVE_TOLD = _RESOLVE.values(
    closed_at=case((alerts.c.sent_at.is_(None), bindparam("now", type_=alerts.c.closed_at.type)), else_=None)
)


def resolve(connection: Connection, prefix: str, now: datetime, *, silently: bool = False) -> int:
    """End every open alert whose key begins so; only those that were told are told again, as resolved."""
    return resolve_all(connection, [prefix], now, silently=silently)


def resolve_all(connection: Connection, prefixes: Sequence[str], now: datetime, *, silently: bool = False) -> int:
    """End every open alert whose key begins with one of these."""
    if not prefixes:
        return 0
    ended = {"resolved_at": now, "open_key": None, "next_at": now, "tries": 0, "owed": None}
    ended |= {"closed_at": now} if silently else {"now": now}
    ranges = [ended | {"first": one, "after": _after(one)} for one in prefixes]
    return connection.execute(_RESOLVE if silently else _RESOLVE_TOLD, ranges).rowcount


def standing(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return those of these keys under which an alert is open."""
    return set(connection.execute(select(alerts.c.open_key).where(alerts.c.open_key.in_(keys))).scalars())


def open_keys(connection: Connection, prefix: str) -> list[str]:
    """Return the keys of all open alerts that begin so."""
    keys = alerts.c.open_key
    return list(connection.execute(select(keys).where(keys >= prefix, keys < _after(prefix))).scalars())


def waiting(now: datetime) -> Select[*tuple[Any, ...]]:
    """Begin a query for the alerts that somebody has to be told of now."""
    return select(alerts).where(alerts.c.closed_at.is_(None), alerts.c.next_at <= now)


def next_at(connection: Connection, now: datetime) -> Select[tuple[datetime]]:
    """Return the query for when the next alert is to be told, which reads one step of the index.

    PostgreSQL does so only in the index's whole order; MariaDB would sort all open alerts for that.
    """
    later = (alerts.c.closed_at.is_(None), alerts.c.next_at > now)
    order = (alerts.c.closed_at, alerts.c.next_at) if connection.dialect.name == "postgresql" else (alerts.c.next_at,)
    return select(alerts.c.next_at).where(*later).order_by(*order).limit(1)


def take(connection: Connection, now: datetime) -> list[Due]:
    """Take all alerts that have to be told now, the most severe first, so that no other instance tells them."""
    query = (
        waiting(now)
        .order_by(alerts.c.resolved_at.is_not(None), _RANK, alerts.c.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(query).all()
    if rows:
        moved = update(alerts).where(alerts.c.id.in_([row.id for row in rows])).values(next_at=now + TELLING)
        connection.execute(moved)
    return [_due(row, now + TELLING) for row in rows]


def told(connection: Connection, pending: Sequence[Pending], now: datetime, repeat_every: timedelta) -> None:
    """Note what everybody was told who is to hear of it: what lasts is told again, the rest is closed."""
    over = [alert for alert in pending if alert.event or alert.resolved]
    lasting = [alert for alert in pending if not (alert.event or alert.resolved)]
    closed = {"closed_at": now, "resolved_at": func.coalesce(alerts.c.resolved_at, now), "open_key": None}
    for ids, heard in _alike(over):
        values = closed | _sent(heard, now)
        connection.execute(update(alerts).where(alerts.c.id.in_(ids)).values(**values))
    # One that was resolved or renewed while it was being told is told again.
    changed = alerts.c.next_at.not_in({alert.until for alert in pending})
    again = case((alerts.c.resolved_at.is_not(None), now), (changed, alerts.c.next_at), else_=now + repeat_every)
    for ids, heard in _alike(lasting):
        still = {"closed_at": None, "next_at": again, "owed": None, "tries": 0} | _sent(heard, now)
        connection.execute(update(alerts).where(alerts.c.id.in_(ids)).values(**still))


def close(connection: Connection, pending: Sequence[Pending], now: datetime) -> None:
    """End what nobody is to hear of, or of whose end nobody is."""
    ended = {"closed_at": now, "resolved_at": func.coalesce(alerts.c.resolved_at, now), "open_key": None}
    connection.execute(update(alerts).where(alerts.c.id.in_([one.id for one in pending])).values(**ended))


def owe(connection: Connection, pending: Sequence[Due], at: datetime) -> None:
    """Note who is still to be told, and when to try; one that was resolved or renewed meanwhile goes its own way.

    Where somebody has heard of one that was closed meanwhile because nobody had, its end is told.
    """
    groups: dict[tuple[frozenset[str], frozenset[str] | None, datetime | None, int], list[int]] = defaultdict(list)
    for one in pending:
        groups[one.heard, one.owed, one.sent_at, one.tries].append(one.id)
    taken = {one.until for one in pending}
    for (heard, owed, sent_at, tries), ids in groups.items():
        these = update(alerts).where(alerts.c.id.in_(ids))
        connection.execute(
            these.values(heard=_joined(heard), sent_at=sent_at, **({"closed_at": None} if heard else {}))
        )
        rest = {"owed": None if owed is None else _joined(owed), "tries": tries, "next_at": at}
        connection.execute(these.where(alerts.c.next_at.in_(taken)).values(**rest))


def open_alerts(connection: Connection, limit: int = 50) -> list[Pending]:
    """Return the alerts that last, the newest first."""
    query = select(alerts).where(alerts.c.open_key.is_not(None)).order_by(alerts.c.id.desc()).limit(limit)
    return [Pending(**_shared(row, row.next_at)) for row in connection.execute(query)]


def most_severe(connection: Connection, limit: int) -> list[Due]:
    """Return open alerts, the most severe first, then the oldest."""
    query = select(alerts).where(alerts.c.open_key.is_not(None)).order_by(_RANK, alerts.c.id).limit(limit)
    return [_due(row, row.next_at) for row in connection.execute(query)]


def _alike(pending: Iterable[Pending]) -> list[tuple[list[int], frozenset[str] | None]]:
    """Return the alerts' ids by who has heard of them: None where nobody wrote that down."""
    groups: dict[frozenset[str] | None, list[int]] = defaultdict(list)
    for one in pending:
        groups[one.heard if isinstance(one, Due) and one.heard else None].append(one.id)
    return [(ids, heard) for heard, ids in groups.items()]


def _sent(heard: frozenset[str] | None, now: datetime) -> dict[str, Any]:
    return {"sent_at": now} | ({} if heard is None else {"heard": _joined(heard)})


def _after(prefix: str) -> str:
    """Return the first text after all that begin so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _bounded(facts: Facts) -> Facts:
    return {name: fitted(value, 2000) if isinstance(value, str) else value for name, value in facts.items()}


def _joined(channels: frozenset[str]) -> str:
    return ",".join(sorted(channels))


def _split(text: str | None) -> frozenset[str]:
    return frozenset(text.split(",")) if text else frozenset()


def _due(row: AnyRow, until: datetime) -> Due:
    kind, facts = unpack(row.facts) if row.facts else ("", {})
    owed = None if row.owed is None else _split(row.owed)
    heard = _split(row.heard)
    return Due(**_shared(row, until), sent_at=row.sent_at, heard=heard, owed=owed, kind=kind, facts=facts)


def _shared(row: AnyRow, until: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "key": row.key,
        "severity": Severity(row.severity),
        "title": row.title,
        "body": row.body,
        "opened_at": row.opened_at,
        "event": bool(row.event),
        "resolved": row.resolved_at is not None,
        "tries": row.tries,
        "until": until,
        "account": row.account,
    }
