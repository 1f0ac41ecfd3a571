"""The six tables. Another program may insert a voice with account, voice_id and cloned_at alone."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from voicekeeper.core.account import AccountState
from voicekeeper.core.alert import Severity
from voicekeeper.core.outcome import Outcome
from voicekeeper.core.voice import Intent, Origin, Status
from voicekeeper.registry.types import Amount, DefaultNow, Id, Name, Utc

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

#: Names are compared to the letter: MariaDB's default collation would take "Anna" for "anna".
_MYSQL: dict[str, Any] = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def _one_of(column: str, kind: type[Status | Intent | Origin | Severity | AccountState | Outcome]) -> CheckConstraint:
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def _on(constraint: CheckConstraint, *dialects: str) -> CheckConstraint:
    """Let only these databases check it: the others do so by the column's type, or say it otherwise."""
    return constraint.ddl_if(callable_=lambda *_, dialect, **__: dialect.name in dialects)


def _sane(column: str) -> CheckConstraint:
    """Refuse a moment that no voice can have, and what some databases have beside moments: infinity, zero dates."""
    last = 2190 if column == "cloned_at" else 2200  # a deadline that follows from it must fit too
    return CheckConstraint(f"{column} BETWEEN '2000-01-01' AND '{last}-01-01'", name=f"{column}_sane")


def _sqlite_moment(column: str) -> CheckConstraint:
    """Make SQLite, which has no type for it, refuse what is no moment or would not sort as one.

    Columns that are only read, never compared, also take "T" and an offset, as applications write them.
    """
    second, rest = f"substr({column}, 1, 19)", f"substr({column}, 20)"
    forgiving = column not in _COMPARED
    plain, tail = (f"replace({second}, 'T', ' ')", "0-9:.Z+-") if forgiving else (second, "0-9.")
    first = "'', '.', 'Z', '+', '-'" if forgiving else "'', '.'"
    form = (
        f"coalesce(strftime('%Y-%m-%d %H:%M:%S', {second}, '+0 days') = {plain}, 0)"
        f" AND substr({rest}, 1, 1) IN ({first}) AND {rest} NOT GLOB '*[^{tail}]*' AND julianday({column}) IS NOT NULL"
    )
    return _on(CheckConstraint(f"{column} IS NULL OR {form}", name=f"{column}_form"), "sqlite")


def _sqlite_types() -> Iterator[CheckConstraint]:
    """Make SQLite, where any column takes any value, refuse what the others' types refuse."""
    for name, length in (("account", 64), ("voice_id", 256), ("label", 255)):
        form = f"typeof({name}) = 'text' AND length({name}) <= {length}"
        yield _on(CheckConstraint(form, name=f"{name}_form"), "sqlite")
    for name in ("priority", "attempts", "streak"):
        yield _on(CheckConstraint(f"typeof({name}) = 'integer'", name=f"{name}_form"), "sqlite")


#: Queries compare these as they stand.
_COMPARED = ("deadline", "due_at", "warn_at", "lease_until")
_MOMENTS = ("cloned_at", *_COMPARED, "streak_since", "kept_at", "verified_at", "created_at", "updated_at")

voices = Table(
    "voices",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account", Name(64), nullable=False),
    Column("voice_id", String(256), nullable=False),
    Column("cloned_at", Utc, nullable=False),
    Column("label", String(255), nullable=False, server_default=""),
    Column("origin", String(16), nullable=False, server_default="clone"),
    Column("intent", String(16), nullable=False, server_default="keep"),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("status", String(16), nullable=False, server_default="waiting"),
    Column("deadline", Utc),
    Column("due_at", Utc),
    Column("warn_at", Utc),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_outcome", String(16)),
    Column("last_error", String(1000)),
    Column("streak", Integer, nullable=False, server_default="0"),
    Column("streak_since", Utc),
    Column("kept_at", Utc),
    Column("verified_at", Utc),
    Column("lease_owner", String(80)),
    Column("lease_until", Utc),
    Column("created_at", Utc, nullable=False, server_default=DefaultNow()),
    Column("updated_at", Utc, nullable=False, server_default=DefaultNow()),
    # What a source of the configuration said last: a change of it is followed, a change made here stands.
    Column("source_intent", String(16)),
    # 1 while it lets others go first, because not all can be saved.
    Column("yields", Integer, nullable=False, server_default="0"),
    UniqueConstraint("account", "voice_id"),
    CheckConstraint("account <> ''", name="account"),
    CheckConstraint("voice_id <> ''", name="voice_id"),
    _one_of("origin", Origin),
    _one_of("intent", Intent),
    _one_of("status", Status),
    _one_of("last_outcome", Outcome),
    CheckConstraint("attempts >= 0 AND streak >= 0", name="attempts"),
    CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name="lease"),
    CheckConstraint("status <> 'kept' OR kept_at IS NOT NULL", name="kept_at"),
    # A due time alone would hide the voice from planning: it would never get a deadline, nor any warning.
    CheckConstraint("due_at IS NULL OR deadline IS NOT NULL", name="due_at_planned"),
    *(_sane(name) for name in _MOMENTS),
    _on(CheckConstraint("deadline > cloned_at", name="deadline_later"), "postgresql", "mysql", "mariadb"),
    _on(CheckConstraint("julianday(deadline) > julianday(cloned_at)", name="deadline_later"), "sqlite"),
    *_sqlite_types(),
    *(_sqlite_moment(name) for name in _MOMENTS),
    # What is due, what is unplanned and what comes next: all are ranges of this one.
    Index("ix_voices_due", "status", "intent", "due_at", "account"),
    Index("ix_voices_deadline", "status", "intent", "deadline"),
    Index("ix_voices_warn", "status", "warn_at"),
    **_MYSQL,
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("voice", Id, ForeignKey("voices.id"), nullable=False),
    Column("instance", String(80), nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("outcome", String(16)),
    Column("provider_code", String(64)),
    Column("http_status", Integer),
    Column("message", String(1000)),
    Column("trace_id", String(128)),
    Column("task_id", String(128)),
    Column("model", String(64)),
    Column("characters", Integer),
    Column("cost", Amount),
    Column("currency", String(8)),
    # What the call may cost: set aside when it is claimed, until its answer says what it did cost.
    Column("reserved", Amount),
    _one_of("outcome", Outcome),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished"),
    Index("ix_attempts_voice", "voice"),
    Index("ix_attempts_started_at", "started_at"),
    **_MYSQL,
)

#: What a trace says of a call that made its voice; of the others it says their outcome.
CLONED = "cloned"
_CLONE_OUTCOMES = ", ".join(f"'{name}'" for name in (CLONED, *(o.value for o in Outcome if o is not Outcome.KEPT)))

clonings = Table(
    "clonings",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account", Name(64), nullable=False),
    # Null until the provider has answered, where it makes the name itself.
    Column("voice_id", String(256)),
    Column("cloned_at", Utc, nullable=False),
    Column("label", String(255), nullable=False, server_default=""),
    Column("intent", String(16), nullable=False, server_default="keep"),
    Column("origin", String(16), nullable=False, server_default="clone"),
    Column("instance", String(80), nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("lease_until", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("outcome", String(16)),
    Column("message", String(1000)),
    Column("trace_id", String(128)),
    _one_of("intent", Intent),
    _one_of("origin", Origin),
    CheckConstraint(f"outcome IN ({_CLONE_OUTCOMES})", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished"),
    Index("ix_clonings_open", "finished_at", "lease_until"),
    **_MYSQL,
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", Name(64), primary_key=True),
    Column("state", String(16), nullable=False, server_default="open"),
    Column("reason", String(1000)),
    Column("paused_at", Utc),
    Column("probe_at", Utc),
    Column("probes", Integer, nullable=False, server_default="0"),
    Column("slot_at", Utc),
    Column("throttles", Integer, nullable=False, server_default="0"),
    Column("fingerprint", String(64)),
    # Seconds: the lifetime that its voices' deadlines were planned with.
    Column("lifetime", Integer),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("ramp_at", Utc),
    Column("failing_since", Utc),
    _one_of("state", AccountState),
    **_MYSQL,
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("key", String(200), nullable=False),
    # The key while the alert lasts, nothing afterwards: so the database itself lets it be raised only once.
    # Compared byte by byte, so that what begins alike is one range of its index.
    Column("open_key", String(200).with_variant(String(200, collation="C"), "postgresql"), unique=True),
    Column("severity", String(16), nullable=False),
    Column("title", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("event", Integer, nullable=False, server_default="0"),
    Column("opened_at", Utc, nullable=False),
    # When it is next to be told: at once, then again while it lasts; an instance that is telling it moves it on first.
    Column("next_at", Utc, nullable=False),
    Column("sent_at", Utc),
    Column("resolved_at", Utc),
    # Set once there is nothing more to tell about it.
    Column("closed_at", Utc),
    Column("tries", Integer, nullable=False, server_default="0"),
    # The account that it concerns, and its kind and facts as JSON: what it says in any language.
    Column("account", Name(64)),
    Column("facts", Text),
    # Ids of channels with commas: those that know of it, and those still to be told; null in `owed` is everybody.
    Column("heard", Text),
    Column("owed", Text),
    _one_of("severity", Severity),
    Index("ix_alerts_next_at", "closed_at", "next_at"),
    Index("ix_alerts_key", "key"),
    **_MYSQL,
)

channels = Table(
    "channels",
    metadata,
    # A hash of its address, which holds secrets.
    Column("id", String(16), primary_key=True),
    Column("told_at", Utc),
    # Messages that followed closely on each other, and the urgent matters that they told of, one a line.
    Column("in_row", Integer, nullable=False, server_default="0"),
    Column("topics", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("failing_since", Utc),
    Column("retry_at", Utc),
    # When its next digest is due, and from when on that one reports.
    Column("digest_at", Utc),
    Column("digest_from", Utc),
    **_MYSQL,
)
