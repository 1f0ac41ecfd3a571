"""Since when none of an account's calls succeeds.

Revision: 0007
After: 0006
"""

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what fails now counts from its next failure on."""
    op.add_column("accounts", sa.Column("failing_since", Utc))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("accounts", "failing_since")
