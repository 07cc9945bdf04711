"""Reconcile: the epochs of the population, the epoch of every piece of evidence, and the runs that renew both."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the tables. Columns come with constant defaults: no table is written anew."""
    op.execute("""
        -- One row for each snapshot of the population; the greatest holds. Epoch 0 is what is shipped, and has none.
        CREATE TABLE dedup.epoch (
            epoch integer PRIMARY KEY,
            population bytea NOT NULL,
            records integer NOT NULL,
            model text NOT NULL,
            made_at timestamptz NOT NULL
        );

        -- The epoch under which a pair was compared.
        ALTER TABLE dedup.evidence ADD COLUMN epoch integer NOT NULL DEFAULT 0;

        -- When the evidence that rests on this key alone is to be taken back; null once it was.
        ALTER TABLE dedup.generic_key ADD COLUMN due_at timestamptz DEFAULT now();
        CREATE INDEX generic_key_due ON dedup.generic_key (due_at) WHERE due_at IS NOT NULL;

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
