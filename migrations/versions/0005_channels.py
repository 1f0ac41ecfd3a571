"""Which channel has heard of which alert, what an alert says in any language, and how each channel does.

Revision: 0005
After: 0004
"""

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import Utc

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MYSQL = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def upgrade() -> None:
    """Add the columns and the table; alerts that are there already are told with the words that they have."""
    op.add_column("alerts", sa.Column("account", sa.String(64)))
    op.add_column("alerts", sa.Column("facts", sa.Text))
    op.add_column("alerts", sa.Column("heard", sa.Text))
    op.add_column("alerts", sa.Column("owed", sa.Text))
    op.create_table(
        "channels",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("told_at", Utc),
        sa.Column("in_row", sa.Integer, nullable=False, server_default="0"),
        sa.Column("topics", sa.Text),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failing_since", Utc),
        sa.Column("retry_at", Utc),
        sa.Column("digest_at", Utc),
        sa.Column("digest_from", Utc),
        **_MYSQL,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("channels")
    for column in ("owed", "heard", "facts", "account"):
        op.drop_column("alerts", column)
