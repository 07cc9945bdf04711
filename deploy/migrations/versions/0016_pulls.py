"""What pulls of databases remember: the runs, how far each came, what every row said last; and which import brought a
record.
"""

from alembic import op

from shared.runtime.migrations import at_once, concurrently

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    # The import that said a record first; null where it came by itself.
    at_once("ALTER TABLE ingest.record_state ADD COLUMN IF NOT EXISTS import_id text")
    concurrently("""
        DROP INDEX CONCURRENTLY IF EXISTS ingest.record_state_import;
        CREATE INDEX CONCURRENTLY record_state_import ON ingest.record_state (import_id) WHERE import_id IS NOT NULL;
    """)
    op.execute("""
        -- Names every attempt of a pull; rows that an attempt has seen bear its mark.
        CREATE SEQUENCE ingest.pull_mark;

        -- One row a pull: asked for by the clock or by somebody, worked on by whoever holds the mark.
        CREATE TABLE ingest.pull (
            pull_id uuid PRIMARY KEY,
            source text NOT NULL,
            whole boolean NOT NULL,
            any_deletions boolean NOT NULL,
            state text NOT NULL CHECK (state IN ('asked', 'running', 'done', 'failed', 'asks')),
            why text,
            asked_at timestamptz NOT NULL,
            not_before timestamptz NOT NULL,
            attempts integer NOT NULL DEFAULT 0,
            mark bigint,
            until timestamptz,
            started_at timestamptz,
            ended_at timestamptz,
            read bigint NOT NULL DEFAULT 0,
            new bigint NOT NULL DEFAULT 0,
            updated bigint NOT NULL DEFAULT 0,
            same bigint NOT NULL DEFAULT 0,
            refused bigint NOT NULL DEFAULT 0,
            deleted bigint NOT NULL DEFAULT 0,
            to_delete bigint NOT NULL DEFAULT 0,
            faults jsonb NOT NULL DEFAULT '{}'
        ) WITH (fillfactor = 70);
        CREATE UNIQUE INDEX pull_running ON ingest.pull (source) WHERE state = 'running';
        CREATE UNIQUE INDEX pull_asked ON ingest.pull (source) WHERE state = 'asked';
        CREATE INDEX pull_asked_at ON ingest.pull (source, asked_at DESC);

        -- One row a record that a table holds: what it said last, as a digest, and the last attempt that saw it.
        CREATE TABLE ingest.pulled (
            source text NOT NULL,
            record_id uuid NOT NULL,
            content bytea NOT NULL,
            seen bigint NOT NULL,
            PRIMARY KEY (source, record_id)
        ) WITH (fillfactor = 80);

        -- One row a source that is read by a watermark: the greatest value taken, and of what query.
        CREATE TABLE ingest.watermark (
            source text PRIMARY KEY,
            definition bytea NOT NULL,
            value text NOT NULL
        );
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE ingest.watermark, ingest.pulled, ingest.pull")
    op.execute("DROP SEQUENCE ingest.pull_mark")
    op.execute("ALTER TABLE ingest.record_state DROP COLUMN import_id")
