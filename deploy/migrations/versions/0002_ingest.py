"""ingest's tables: the last state of every record, receipts, and where the dead letters lie."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE SCHEMA ingest;

        -- The key behind record ids: made once, never changed, or every record would get a new id.
        CREATE TABLE ingest.installation (
            only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
            record_key bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );

        -- The last accepted state of every record; content is a hash, empty for a record taken back.
        CREATE TABLE ingest.record_state (
            record_id uuid PRIMARY KEY,
            source text NOT NULL,
            event_id uuid NOT NULL,
            content bytea NOT NULL,
            observed_at timestamptz NOT NULL,
            received_at timestamptz NOT NULL
        ) WITH (fillfactor = 70);

        CREATE TABLE ingest.idempotency (
            token_id text NOT NULL,
            key text NOT NULL,
            body bytea NOT NULL,
            answer bytea NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (token_id, key)
        );
        CREATE INDEX idempotency_at ON ingest.idempotency (at);

        -- What became of every accepted event. kind is null until contacts.received (or the door) has told of it.
        CREATE TABLE ingest.receipt (
            event_id uuid PRIMARY KEY,
            kind text,
            source text,
            record_id uuid,
            state text NOT NULL,
            reason text,
            contact_id uuid,
            version bigint,
            held boolean NOT NULL DEFAULT false,
            received_at timestamptz,
            resolved_at timestamptz,
            clean_at timestamptz
        ) WITH (fillfactor = 70);
        CREATE INDEX receipt_contact ON ingest.receipt (contact_id) WHERE contact_id IS NOT NULL;
        CREATE INDEX receipt_deletion ON ingest.receipt (record_id) WHERE kind = 'deletion';

        -- The newest that contacts.clean has said of every contact.
        CREATE TABLE ingest.contact_seen (
            contact_id uuid PRIMARY KEY,
            version bigint NOT NULL,
            gone text,
            merged_into uuid,
            merged_into_version bigint
        ) WITH (fillfactor = 70);

        -- Where every dead letter lies. open: waits for somebody; replayed: sent again; closed: overtaken.
        CREATE TABLE ingest.dead_letter (
            letter_id uuid PRIMARY KEY,
            stage text NOT NULL,
            reason text NOT NULL,
            topic text NOT NULL,
            "partition" integer NOT NULL,
            "offset" bigint NOT NULL,
            source text,
            event_id uuid,
            contact_id uuid,
            version bigint,
            at timestamptz NOT NULL,
            attempt integer NOT NULL,
            detail text NOT NULL,
            state text NOT NULL DEFAULT 'open'
        );
        CREATE INDEX dead_letter_open ON ingest.dead_letter (at, letter_id) WHERE state = 'open';
        CREATE INDEX dead_letter_event ON ingest.dead_letter (event_id) WHERE event_id IS NOT NULL;
        CREATE INDEX dead_letter_contact ON ingest.dead_letter (contact_id) WHERE contact_id IS NOT NULL;

        -- Deliveries that were had before, by source: they have no receipt of their own to be counted by.
        CREATE TABLE ingest.source_count (
            source text PRIMARY KEY,
            duplicates bigint NOT NULL
        ) WITH (fillfactor = 50);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP SCHEMA ingest CASCADE")
