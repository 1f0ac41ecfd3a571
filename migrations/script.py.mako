"""${message}.

Revision: ${up_revision}
After: ${down_revision | comma,n}
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to ${up_revision}."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Go back to ${down_revision}."""
    ${downgrades if downgrades else "pass"}
