"""How long an account has failed, and since when its rate comes back.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; accounts that are there already work as usual."""
    op.add_column("accounts", sa.Column("failures", sa.Integer, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("ramp_at", Utc))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("accounts", "ramp_at")
    op.drop_column("accounts", "failures")
