"""The tables of backups, restores and erasures."""

from alembic import op

from shared.runtime.migrations import at_once

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables."""
    at_once("""
        ALTER TABLE dedup.contact DROP CONSTRAINT IF EXISTS contact_retired_check,
            ADD CONSTRAINT contact_retired_check CHECK (retired IN ('merged', 'deleted', 'erased')) NOT VALID;
        ALTER TABLE dedup.contact VALIDATE CONSTRAINT contact_retired_check;
    """)
    op.execute("""
        -- The key behind record ids belongs to the installation: without it a restored system would know no record.
        ALTER TABLE ingest.installation SET SCHEMA runtime;

        -- Which service has forgotten whom (contacts and records), and when: the receipt of an erasure.
        CREATE TABLE runtime.erased (
            id uuid NOT NULL,
            service text NOT NULL,
            at timestamptz NOT NULL,
            PRIMARY KEY (id, service)
        );

        -- What a restore has brought of contacts that are not whole yet.
        CREATE TABLE dedup.held (
            event_id uuid PRIMARY KEY,
            contact_id uuid NOT NULL,
            record_id uuid,
            type text NOT NULL,
            body bytea NOT NULL
        );
        CREATE INDEX held_contact ON dedup.held (contact_id);

        -- Keyed hashes of records and addresses whose person was erased: what was received before never comes back.
        CREATE TABLE dedup.erased (
            subject uuid PRIMARY KEY,
            erased_at timestamptz NOT NULL
        );

        -- The newest of every identity, judgement and resolved interaction that dedup has said. `subject` is where a
        -- former id leads, or the record of an interaction.
        CREATE TABLE backup.decided (
            kind text NOT NULL,
            id uuid NOT NULL,
            subject uuid,
            version bigint NOT NULL,
            at timestamptz NOT NULL,
            value bytea NOT NULL,
            PRIMARY KEY (kind, id)
        );
        CREATE INDEX decided_subject ON backup.decided (subject) WHERE subject IS NOT NULL;

        -- The contact that held a record last.
        CREATE TABLE backup.home (
            record_id uuid PRIMARY KEY,
            contact_id uuid NOT NULL,
            at timestamptz NOT NULL
        ) WITH (fillfactor = 85);
        CREATE INDEX home_contact ON backup.home (contact_id);
        ALTER TABLE backup.decided ALTER COLUMN value SET STORAGE EXTERNAL;

        -- Backups, checks and restores: what was asked for, who is at it (a lease), and what came of it.
        CREATE TABLE backup.run (
            run_id uuid PRIMARY KEY,
            kind text NOT NULL CHECK (kind IN ('backup', 'verify', 'restore')),
            address text NOT NULL,
            state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
            phase text NOT NULL DEFAULT '',
            epoch integer NOT NULL DEFAULT 0,
            until timestamptz,
            requested_at timestamptz NOT NULL,
            ended_at timestamptz,
            result bytea
        );
        CREATE INDEX run_open ON backup.run (requested_at) WHERE state IN ('waiting', 'running');

        -- Requests to forget a person. Whom, by address, stands in the event alone.
        CREATE TABLE backup.erasure (
            erasure_id uuid PRIMARY KEY,
            requested_at timestamptz NOT NULL,
            by text NOT NULL,
            contact_id uuid,
            state text NOT NULL CHECK (state IN ('requested', 'erased', 'not-found', 'ambiguous')),
            ended_at timestamptz
        );
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("""
        DROP TABLE backup.erasure, backup.run, backup.home, backup.decided, dedup.erased, dedup.held, runtime.erased;
        UPDATE dedup.contact SET retired = 'deleted' WHERE retired = 'erased';
        ALTER TABLE dedup.contact DROP CONSTRAINT contact_retired_check;
        ALTER TABLE dedup.contact ADD CONSTRAINT contact_retired_check CHECK (retired IN ('merged', 'deleted'));
        ALTER TABLE runtime.installation SET SCHEMA ingest;
    """)
