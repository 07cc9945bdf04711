"""The tables of pins, and the index by which removed contacts are listed."""

from alembic import op

from shared.runtime.migrations import concurrently

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    concurrently("""
        DROP INDEX CONCURRENTLY IF EXISTS rules.contact_removed_at;
        CREATE INDEX CONCURRENTLY contact_removed_at ON rules.contact (updated_at, contact_id)
            WHERE retired IS NOT NULL;
    """)
    op.execute("""
        -- A pin hangs on the record that founded its contact, and goes with it. `value` is JSON.
        CREATE TABLE dedup.pin (
            pin_id uuid PRIMARY KEY,
            record_id uuid NOT NULL,
            field text NOT NULL,
            value bytea NOT NULL,
            until timestamptz,
            set_by text NOT NULL,
            set_at timestamptz NOT NULL,
            UNIQUE (record_id, field)
        );
        CREATE INDEX pin_until ON dedup.pin (until) WHERE until IS NOT NULL;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP INDEX rules.contact_removed_at; DROP TABLE dedup.pin")
