"""Which inbox was asked for a confirmation, so that nobody fills it by filling forms."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        -- One row for each inbox that was asked within the last weeks, by a hash of its address; erased with the
        -- contact that it was asked for.
        CREATE TABLE rules.asked (
            mailbox bytea PRIMARY KEY,
            contact_id uuid NOT NULL,
            notification_id uuid NOT NULL,
            at timestamptz NOT NULL,
            times integer NOT NULL
        );
        CREATE INDEX asked_contact ON rules.asked (contact_id);
        CREATE INDEX asked_at ON rules.asked (at);
    """)


def downgrade() -> None:
    """Drop the table: nobody was asked."""
    op.execute("DROP TABLE rules.asked")
