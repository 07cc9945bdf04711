"""Reconcile: the epochs of the population, the epoch of every piece of evidence, and the runs that renew both."""

from alembic import op

from shared.runtime.migrations import at_once, concurrently

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables. Columns come with constant defaults: no table is written anew."""
    # The epoch under which a pair was compared; and when the evidence that rests on a key alone is to be taken back,
    # null once it was.
    at_once("""
        ALTER TABLE dedup.evidence ADD COLUMN IF NOT EXISTS epoch integer NOT NULL DEFAULT 0;
        ALTER TABLE dedup.generic_key ADD COLUMN IF NOT EXISTS due_at timestamptz DEFAULT now();
    """)
    concurrently("""
        DROP INDEX CONCURRENTLY IF EXISTS dedup.generic_key_due;
        CREATE INDEX CONCURRENTLY generic_key_due ON dedup.generic_key (due_at) WHERE due_at IS NOT NULL;
    """)
    op.execute("""
        -- One row for each snapshot of the population; the greatest holds. Epoch 0 is what is shipped, and has none.
        CREATE TABLE dedup.epoch (
            epoch integer PRIMARY KEY,
            population bytea NOT NULL,
            records integer NOT NULL,
            model text NOT NULL,
            made_at timestamptz NOT NULL
        );

        -- One row for each recomputation; `place` is how far its phase came, all before it is done.
        CREATE TABLE dedup.reconcile (
            run_id uuid PRIMARY KEY,
            since timestamptz,
            state text NOT NULL CHECK (state IN ('waiting', 'running', 'done')),
            phase text NOT NULL,
            place uuid,
            phase_since timestamptz,
            epoch integer,
            lease integer NOT NULL DEFAULT 0,
            until timestamptz,
            total bigint NOT NULL DEFAULT 0,
            seen bigint NOT NULL DEFAULT 0,
            changed bigint NOT NULL DEFAULT 0,
            asked_at timestamptz NOT NULL,
            asked_by text NOT NULL,
            started_at timestamptz,
            ended_at timestamptz
        );
        CREATE INDEX reconcile_open ON dedup.reconcile (asked_at) WHERE state <> 'done';
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("""
        DROP TABLE dedup.reconcile, dedup.epoch;
        DROP INDEX dedup.generic_key_due;
        ALTER TABLE dedup.generic_key DROP COLUMN due_at;
        ALTER TABLE dedup.evidence DROP COLUMN epoch;
    """)
