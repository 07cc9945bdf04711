"""The tables of rules: the clean contact as it is said, what it is found by, its labels, its changes, its timeline."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE SCHEMA rules;

        -- A row for every contact there ever was: `version` is the newest seen, `published_version` the one said last.
        -- Never deleted: what is gone keeps its version, or a process that slept could bring it back.
        CREATE TABLE rules.contact (
            contact_id uuid PRIMARY KEY,
            version bigint NOT NULL,
            published_version bigint NOT NULL,
            updated_at timestamptz NOT NULL,
            retired text,
            merged_into uuid,
            merged_into_version bigint,
            document bytea,
            stuck text NOT NULL DEFAULT '',
            cause text
        ) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
        -- The document is zstd already: trying to compress it once more costs more than it saves.
        ALTER TABLE rules.contact ALTER COLUMN document SET STORAGE EXTERNAL;
        CREATE INDEX contact_updated_at ON rules.contact (updated_at, contact_id) WHERE document IS NOT NULL;

        -- What contacts are found by, as hashes of mails, numbers, records and words (core/searching.py).
        CREATE TABLE rules.lookup (
            key bigint NOT NULL,
            contact_id uuid NOT NULL,
            PRIMARY KEY (key, contact_id)
        );

        -- segment:<name>, category:<name>, finding:<code>.
        CREATE TABLE rules.label (
            label text NOT NULL,
            contact_id uuid NOT NULL,
            since timestamptz NOT NULL,
            PRIMARY KEY (label, contact_id)
        );

        -- What changed in which published version, for the timeline; the versions themselves are backup's.
        CREATE TABLE rules.change (
            contact_id uuid NOT NULL,
            version bigint NOT NULL,
            at timestamptz NOT NULL,
            said bytea NOT NULL,
            PRIMARY KEY (contact_id, version)
        );

        -- Belongs to the record, so that it follows the record through merges and splits.
        CREATE TABLE rules.timeline (
            interaction_key uuid PRIMARY KEY,
            record_id uuid NOT NULL,
            contact_id uuid NOT NULL,
            at timestamptz NOT NULL,
            type text NOT NULL,
            said bytea NOT NULL
        );
        CREATE INDEX timeline_record ON rules.timeline (record_id, at);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP SCHEMA rules CASCADE")
