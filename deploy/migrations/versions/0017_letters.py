"""What people did about dead letters: who gave one up and why, and what stands for one that was mended."""

from alembic import op

from shared.runtime.migrations import at_once, concurrently

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the columns: all may be null, so no row is written."""
    # state: open, replayed, closed as before; dropped: given up by somebody, or expired. `mended_as` of a receipt: the
    # event that stands for this one since it was mended: it is counted in its place.
    at_once("""
        ALTER TABLE ingest.dead_letter
            ADD COLUMN IF NOT EXISTS mended_as uuid,
            ADD COLUMN IF NOT EXISTS why text,
            ADD COLUMN IF NOT EXISTS done_by text,
            ADD COLUMN IF NOT EXISTS done_at timestamptz;
        ALTER TABLE ingest.receipt ADD COLUMN IF NOT EXISTS mended_as uuid;
    """)
    concurrently("""
        DROP INDEX CONCURRENTLY IF EXISTS ingest.dead_letter_mended;
        CREATE INDEX CONCURRENTLY dead_letter_mended ON ingest.dead_letter (mended_as) WHERE mended_as IS NOT NULL;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("""
        ALTER TABLE ingest.receipt DROP COLUMN mended_as;
        ALTER TABLE ingest.dead_letter DROP COLUMN mended_as, DROP COLUMN why, DROP COLUMN done_by, DROP COLUMN done_at;
    """)
