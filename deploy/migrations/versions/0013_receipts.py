"""Receipts that have grown old: their sums stay, so that the books still balance."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        -- Receipts that are kept no longer, added up. gone: their record was taken back after the last of them; what is
        -- not yet gone can still be, and can still be erased. received_at is the newest.
        CREATE TABLE ingest.settled (
            record_id uuid,
            contact_id uuid,
            kind text NOT NULL,
            source text NOT NULL,
            state text NOT NULL CHECK (state IN ('clean', 'dropped', 'erased')),
            reason text,
            gone boolean NOT NULL,
            received_at timestamptz NOT NULL,
            events bigint NOT NULL,
            UNIQUE NULLS NOT DISTINCT (record_id, contact_id, kind, source, state, reason, gone)
        ) WITH (fillfactor = 70);
        CREATE INDEX settled_contact ON ingest.settled (contact_id) WHERE contact_id IS NOT NULL;

        -- When a record was last taken back, where the receipt that said so is kept no longer.
        CREATE TABLE ingest.taken_back (
            record_id uuid PRIMARY KEY,
            at timestamptz NOT NULL
        );

        -- When each record was last taken back.
        CREATE VIEW ingest.gone AS
            SELECT record_id, max(at) AS at
            FROM (SELECT record_id, received_at AS at FROM ingest.receipt WHERE kind = 'deletion' AND state = 'clean'
                  UNION ALL
                  SELECT record_id, at FROM ingest.taken_back) AS one
            GROUP BY record_id;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP VIEW ingest.gone; DROP TABLE ingest.settled, ingest.taken_back")
