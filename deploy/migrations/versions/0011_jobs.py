"""Timed work: who is at it, and what came of each run."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        -- One row a job: its lease (the epoch proves it), since when it is known, and when it runs next.
        CREATE TABLE runtime.job (
            service text NOT NULL,
            name text NOT NULL,
            since timestamptz NOT NULL,
            next_at timestamptz NOT NULL,
            epoch integer NOT NULL DEFAULT 0,
            until timestamptz,
            PRIMARY KEY (service, name)
        ) WITH (fillfactor = 50);

        -- One row a planned time that was carried out; its id follows from job and time.
        CREATE TABLE runtime.run (
            run_id uuid PRIMARY KEY,
            service text NOT NULL,
            name text NOT NULL,
            planned_at timestamptz NOT NULL,
            state text NOT NULL CHECK (state IN ('running', 'done', 'given-up')),
            attempts integer NOT NULL DEFAULT 1,
            started_at timestamptz NOT NULL,
            ended_at timestamptz
        );
        CREATE INDEX run_job ON runtime.run (service, name, planned_at DESC);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE runtime.run, runtime.job")
