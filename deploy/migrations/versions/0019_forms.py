"""Normalised forms with a version."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        -- One row: the version of the comparable forms that every stored record has at least. Without it, records that
        -- are stored came before forms had a version.
        CREATE TABLE dedup.forms (
            single boolean PRIMARY KEY DEFAULT true CHECK (single),
            version integer NOT NULL,
            since timestamptz NOT NULL DEFAULT clock_timestamp()
        );
    """)


def downgrade() -> None:
    """Drop the table: forms have no version again."""
    op.execute("DROP TABLE dedup.forms")
