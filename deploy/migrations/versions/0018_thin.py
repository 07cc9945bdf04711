"""What is fetched from vendors whose hooks only say that something happened."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE SEQUENCE ingest.fetch_mark;

        -- One row a thing to fetch: asked for by a hook, which stays as it came for the case that it is set aside.
        CREATE TABLE ingest.fetch (
            fetch_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            source text NOT NULL,
            path text NOT NULL,
            body bytea NOT NULL,
            content_type text NOT NULL,
            asked_at timestamptz NOT NULL,
            not_before timestamptz NOT NULL,
            attempts integer NOT NULL DEFAULT 0,
            mark bigint,
            until timestamptz
        ) WITH (fillfactor = 70);
        -- What waits is fetched once, however many hooks speak of it; what is being fetched may be read too soon.
        CREATE INDEX fetch_waiting ON ingest.fetch (source, path) WHERE mark IS NULL;
        CREATE INDEX fetch_due ON ingest.fetch (source, not_before, fetch_id);

        -- One row a vendor that was asked: when it may be asked again, and how often it has failed in a row.
        CREATE TABLE ingest.fetch_source (
            source text PRIMARY KEY,
            not_before timestamptz NOT NULL,
            failures integer NOT NULL DEFAULT 0
        ) WITH (fillfactor = 70);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE ingest.fetch_source, ingest.fetch")
    op.execute("DROP SEQUENCE ingest.fetch_mark")
