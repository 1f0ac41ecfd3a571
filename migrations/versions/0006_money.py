"""Money as exact decimals, what a call under way may cost, and who lets others go first.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

from voicekeeper.registry.types import Amount

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; costs become decimals where the database has them."""
    op.add_column("attempts", sa.Column("reserved", Amount))
    op.add_column("voices", sa.Column("yields", sa.Integer, nullable=False, server_default="0"))
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("attempts", "cost", type_=Amount, existing_type=sa.Double)


def downgrade() -> None:
    """Take them back."""
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("attempts", "cost", type_=sa.Double, existing_type=Amount)
    op.drop_column("voices", "yields")
    op.drop_column("attempts", "reserved")
