"""The trace of each clone call, so that a crash between cloning and registering forgets no voice.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import Id, Utc

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MYSQL = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
OUTCOMES = "('cloned', 'throttled', 'transient', 'blocked', 'refused', 'not_found', 'ambiguous')"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "clonings",
        sa.Column("id", Id, primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("voice_id", sa.String(256)),
        sa.Column("cloned_at", Utc, nullable=False),
        sa.Column("label", sa.String(255), nullable=False, server_default=""),
        sa.Column("intent", sa.String(16), nullable=False, server_default="keep"),
        sa.Column("origin", sa.String(16), nullable=False, server_default="clone"),
        sa.Column("instance", sa.String(80), nullable=False),
        sa.Column("started_at", Utc, nullable=False),
        sa.Column("lease_until", Utc, nullable=False),
        sa.Column("finished_at", Utc),
        sa.Column("outcome", sa.String(16)),
        sa.Column("message", sa.String(1000)),
        sa.Column("trace_id", sa.String(128)),
        sa.CheckConstraint("intent IN ('keep', 'hold', 'release')", name=op.f("ck_clonings_intent")),
        sa.CheckConstraint("origin IN ('clone', 'design')", name=op.f("ck_clonings_origin")),
        sa.CheckConstraint(f"outcome IN {OUTCOMES}", name=op.f("ck_clonings_outcome")),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name=op.f("ck_clonings_finished")),
        **MYSQL,
    )
    op.create_index("ix_clonings_open", "clonings", ["finished_at", "lease_until"])


def downgrade() -> None:
    """Drop it; what was begun and never registered is then forgotten."""
    op.drop_table("clonings")
