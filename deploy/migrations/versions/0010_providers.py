"""The table of enrich: of each provider its breaker, rate and budget, and what came of the questions to it."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the table."""
    op.execute("""
        CREATE SCHEMA enrich;

        -- One row a provider, locked for a moment before and after it is asked. The columns up to `used` are the meter
        -- (services/enrich/core/meter.py); the others only count.
        CREATE TABLE enrich.provider (
            provider text PRIMARY KEY,
            window_at timestamptz,
            asked integer NOT NULL DEFAULT 0,
            failed integer NOT NULL DEFAULT 0,
            openings integer NOT NULL DEFAULT 0,
            open_until timestamptz,
            trial_until timestamptz,
            tokens double precision NOT NULL DEFAULT 0,
            tokens_at timestamptz,
            day date,
            used integer NOT NULL DEFAULT 0,
            answers bigint NOT NULL DEFAULT 0,
            nothings bigint NOT NULL DEFAULT 0,
            failures bigint NOT NULL DEFAULT 0,
            last_error text,
            last_error_at timestamptz
        ) WITH (fillfactor = 50);
    """)


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP SCHEMA enrich CASCADE")
