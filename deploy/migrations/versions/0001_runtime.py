"""The runtime's own tables: tokens, outbox, attempts at poison, and who has stopped on purpose."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE SCHEMA IF NOT EXISTS runtime;

        CREATE TABLE runtime.token (
            token_id uuid PRIMARY KEY,
            name text NOT NULL,
            role text NOT NULL,
            sources text[],
            hash bytea NOT NULL UNIQUE,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        );

        -- Rows come and go at the rate of events: vacuum by counts, not by share.
        CREATE TABLE runtime.outbox (
            service text NOT NULL,
            id bigint GENERATED ALWAYS AS IDENTITY,
            event_id text NOT NULL,
            topic text NOT NULL,
            key bytea,
            value bytea,
            headers bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (service, id),
            UNIQUE (service, topic, event_id)
        ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

        -- How often a batch, and then one message alone, has been begun without being finished.
        CREATE TABLE runtime.attempt (
            service text NOT NULL,
            topic text NOT NULL,
            "partition" integer NOT NULL,
            first_offset bigint NOT NULL,
            attempts integer NOT NULL,
            alone_offset bigint,
            alone_attempts integer NOT NULL DEFAULT 0,
            PRIMARY KEY (service, topic, "partition")
        ) WITH (fillfactor = 50);

        CREATE TABLE runtime.halted (
            service text PRIMARY KEY,
            why text NOT NULL,
            at timestamptz NOT NULL DEFAULT now()
        );
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE runtime.token, runtime.outbox, runtime.attempt, runtime.halted")
