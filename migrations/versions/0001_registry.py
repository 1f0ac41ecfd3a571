"""The registry: voices, attempts, accounts, alerts.

Revision: 0001
After: nothing
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import DefaultNow, Id, Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MYSQL = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
COMPARED = ("deadline", "due_at", "warn_at", "lease_until")
MOMENTS = ("cloned_at", *COMPARED, "streak_since", "kept_at", "verified_at", "created_at", "updated_at")
OUTCOMES = "('kept', 'throttled', 'transient', 'blocked', 'refused', 'not_found', 'ambiguous')"


def upgrade() -> None:
    """Create the four tables."""
    _create_voices()
    _create_attempts()
    _create_accounts()
    _create_alerts()


def downgrade() -> None:
    """Drop them; whoever does this loses the only record of what is at risk."""
    for table in ("alerts", "attempts", "accounts", "voices"):
        op.drop_table(table)


def _sane(column: str) -> sa.CheckConstraint:
    limits = f"{column} BETWEEN '2000-01-01' AND '{2190 if column == 'cloned_at' else 2200}-01-01'"
    return sa.CheckConstraint(limits, name=op.f(f"ck_voices_{column}_sane"))


def _sqlite_moment(column: str) -> sa.CheckConstraint:
    second, rest = f"substr({column}, 1, 19)", f"substr({column}, 20)"
    forgiving = column not in COMPARED
    plain, tail = (f"replace({second}, 'T', ' ')", "0-9:.Z+-") if forgiving else (second, "0-9.")
    first = "'', '.', 'Z', '+', '-'" if forgiving else "'', '.'"
    form = (
        f"coalesce(strftime('%Y-%m-%d %H:%M:%S', {second}, '+0 days') = {plain}, 0)"
        f" AND substr({rest}, 1, 1) IN ({first}) AND {rest} NOT GLOB '*[^{tail}]*' AND julianday({column}) IS NOT NULL"
    )
    return sa.CheckConstraint(f"{column} IS NULL OR {form}", name=op.f(f"ck_voices_{column}_form"))


def _sqlite_types() -> Iterator[sa.CheckConstraint]:
    for name, length in (("account", 64), ("voice_id", 256), ("label", 255)):
        form = f"typeof({name}) = 'text' AND length({name}) <= {length}"
        yield sa.CheckConstraint(form, name=op.f(f"ck_voices_{name}_form"))
    for name in ("priority", "attempts", "streak"):
        yield sa.CheckConstraint(f"typeof({name}) = 'integer'", name=op.f(f"ck_voices_{name}_form"))


def _create_voices() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    later = "julianday(deadline) > julianday(cloned_at)" if sqlite else "deadline > cloned_at"
    only_sqlite = [
        *_sqlite_types(),
        *(_sqlite_moment(name) for name in MOMENTS),
    ]
    op.create_table(
        "voices",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("voice_id", sa.String(256), nullable=False),
        sa.Column("cloned_at", Utc, nullable=False),
        sa.Column("label", sa.String(255), nullable=False, server_default=""),
        sa.Column("origin", sa.String(16), nullable=False, server_default="clone"),
        sa.Column("intent", sa.String(16), nullable=False, server_default="keep"),
        sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
        sa.Column("status", sa.String(16), nullable=False, server_default="waiting"),
        sa.Column("deadline", Utc),
        sa.Column("due_at", Utc),
        sa.Column("warn_at", Utc),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_outcome", sa.String(16)),
        sa.Column("last_error", sa.String(1000)),
        sa.Column("streak", sa.Integer, nullable=False, server_default="0"),
        sa.Column("streak_since", Utc),
        sa.Column("kept_at", Utc),
        sa.Column("verified_at", Utc),
        sa.Column("lease_owner", sa.String(80)),
        sa.Column("lease_until", Utc),
        sa.Column("created_at", Utc, nullable=False, server_default=DefaultNow()),
        sa.Column("updated_at", Utc, nullable=False, server_default=DefaultNow()),
        sa.UniqueConstraint("account", "voice_id", name=op.f("uq_voices_account")),
        sa.CheckConstraint("account <> ''", name=op.f("ck_voices_account")),
        sa.CheckConstraint("voice_id <> ''", name=op.f("ck_voices_voice_id")),
        sa.CheckConstraint("origin IN ('clone', 'design')", name=op.f("ck_voices_origin")),
        sa.CheckConstraint("intent IN ('keep', 'hold', 'release')", name=op.f("ck_voices_intent")),
        sa.CheckConstraint("status IN ('waiting', 'kept', 'lost', 'released')", name=op.f("ck_voices_status")),
        sa.CheckConstraint(f"last_outcome IN {OUTCOMES}", name=op.f("ck_voices_last_outcome")),
        sa.CheckConstraint("attempts >= 0 AND streak >= 0", name=op.f("ck_voices_attempts")),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_voices_lease")),
        sa.CheckConstraint("status <> 'kept' OR kept_at IS NOT NULL", name=op.f("ck_voices_kept_at")),
        sa.CheckConstraint("due_at IS NULL OR deadline IS NOT NULL", name=op.f("ck_voices_due_at_planned")),
        *(_sane(name) for name in MOMENTS),
        sa.CheckConstraint(later, name=op.f("ck_voices_deadline_later")),
        *(only_sqlite if sqlite else ()),
        **MYSQL,
    )
    op.create_index("ix_voices_due", "voices", ["status", "intent", "due_at", "account"])
    op.create_index("ix_voices_deadline", "voices", ["status", "intent", "deadline"])
    op.create_index("ix_voices_warn", "voices", ["status", "warn_at"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("voice", Id, sa.ForeignKey("voices.id", name=op.f("fk_attempts_voice")), nullable=False),
        sa.Column("instance", sa.String(80), nullable=False),
        sa.Column("started_at", Utc, nullable=False),
        sa.Column("finished_at", Utc),
        sa.Column("outcome", sa.String(16)),
        sa.Column("provider_code", sa.String(64)),
        sa.Column("http_status", sa.Integer),
        sa.Column("message", sa.String(1000)),
        sa.Column("trace_id", sa.String(128)),
        sa.Column("task_id", sa.String(128)),
        sa.Column("model", sa.String(64)),
        sa.Column("characters", sa.Integer),
        sa.Column("cost", sa.Double),
        sa.Column("currency", sa.String(8)),
        sa.CheckConstraint(f"outcome IN {OUTCOMES}", name=op.f("ck_attempts_outcome")),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name=op.f("ck_attempts_finished")),
        **MYSQL,
    )
    op.create_index("ix_attempts_voice", "attempts", ["voice"])
    op.create_index("ix_attempts_started_at", "attempts", ["started_at"])


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False, server_default="open"),
        sa.Column("reason", sa.String(1000)),
        sa.Column("paused_at", Utc),
        sa.Column("probe_at", Utc),
        sa.Column("probes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("slot_at", Utc),
        sa.Column("throttles", sa.Integer, nullable=False, server_default="0"),
        sa.Column("fingerprint", sa.String(64)),
        sa.CheckConstraint("state IN ('open', 'paused')", name=op.f("ck_accounts_state")),
        **MYSQL,
    )


def _create_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("open_key", sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("event", sa.Integer, nullable=False, server_default="0"),
        sa.Column("opened_at", Utc, nullable=False),
        sa.Column("next_at", Utc, nullable=False),
        sa.Column("sent_at", Utc),
        sa.Column("resolved_at", Utc),
        sa.Column("closed_at", Utc),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("open_key", name=op.f("uq_alerts_open_key")),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name=op.f("ck_alerts_severity")),
        **MYSQL,
    )
    op.create_index("ix_alerts_next_at", "alerts", ["closed_at", "next_at"])
    op.create_index("ix_alerts_key", "alerts", ["key"])
