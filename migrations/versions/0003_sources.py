"""What the owner's own database last said of a voice, and the lifetime that an account's voices were planned with.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; voices and accounts that are there already know nothing of it."""
    op.add_column("voices", sa.Column("source_intent", sa.String(16)))
    op.add_column("accounts", sa.Column("lifetime", sa.Integer))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("accounts", "lifetime")
    op.drop_column("voices", "source_intent")
