"""The configuration as revisions: what holds for all processes, what folders hold, and who is said again for it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        -- The greatest number is active. `files` are the texts by name, as JSON: who has no folder reads them here.
        CREATE TABLE runtime.configuration (
            number integer PRIMARY KEY,
            digest text NOT NULL,
            files bytea NOT NULL,
            place text NOT NULL,
            activated_at timestamptz NOT NULL
        );

        -- What each folder held when a process last looked, and what is wrong with it.
        CREATE TABLE runtime.configuration_folder (
            place text PRIMARY KEY,
            digest text NOT NULL,
            wrong text,
            seen_at timestamptz NOT NULL
        );

        -- One row for each revision that concerns contacts: how far dedup has come with asking for them again.
        -- `until`: the last contact there was at its first page; who came later looks right already.
        CREATE TABLE runtime.configuration_job (
            number integer PRIMARY KEY REFERENCES runtime.configuration ON DELETE CASCADE,
            concerns text[] NOT NULL,
            cursor uuid,
            until uuid,
            asked bigint NOT NULL DEFAULT 0,
            total bigint,
            started_at timestamptz NOT NULL,
            ended_at timestamptz
        ) WITH (fillfactor = 50);

        -- The active number, held until the caller's transaction ends: whoever activates waits for that. The lock is
        -- taken by one statement and the number read by the next, or it would be the one from before the wait.
        CREATE FUNCTION runtime.configuration_held() RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(x'6b776366'::integer, 1);
            RETURN (SELECT max(number) FROM runtime.configuration);
        END $$;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP FUNCTION runtime.configuration_held()")
    op.execute("DROP TABLE runtime.configuration_job, runtime.configuration_folder, runtime.configuration")
