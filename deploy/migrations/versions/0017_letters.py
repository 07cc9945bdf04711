"""What people did about dead letters: who gave one up and why, and what stands for one that was mended."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the columns: all may be null, so no row is written."""
    op.execute("""
        -- state: open, replayed, closed as before; dropped: given up by somebody, or expired.
        ALTER TABLE ingest.dead_letter
            ADD COLUMN mended_as uuid,
            ADD COLUMN why text,
            ADD COLUMN done_by text,
            ADD COLUMN done_at timestamptz;
        CREATE INDEX dead_letter_mended ON ingest.dead_letter (mended_as) WHERE mended_as IS NOT NULL;

        -- The event that stands for this one since it was mended: it is counted in its place.
        ALTER TABLE ingest.receipt ADD COLUMN mended_as uuid;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("""
        ALTER TABLE ingest.receipt DROP COLUMN mended_as;
        ALTER TABLE ingest.dead_letter DROP COLUMN mended_as, DROP COLUMN why, DROP COLUMN done_by, DROP COLUMN done_at;
    """)
