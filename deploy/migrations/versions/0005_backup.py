"""The tables of backup: every version of every contact, what was received, what happened. Only ever added to."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.execute("""
        CREATE SCHEMA backup;

        -- Insert-once by contact and version; intervals are computed, since versions may be skipped.
        CREATE TABLE backup.version (
            contact_id uuid NOT NULL,
            version bigint NOT NULL,
            at timestamptz NOT NULL,
            cause text,
            cause_id text,
            changed text NOT NULL,
            retired text,
            merged_into uuid,
            merged_into_version bigint,
            document bytea,
            PRIMARY KEY (contact_id, version)
        );
        -- Documents and values are zstd already.
        ALTER TABLE backup.version ALTER COLUMN document SET STORAGE EXTERNAL;
        CREATE INDEX version_cause ON backup.version (cause_id) WHERE cause_id IS NOT NULL;

        -- Which contacts ever held a record: the way of a record goes on there.
        CREATE TABLE backup.member (
            record_id uuid NOT NULL,
            contact_id uuid NOT NULL,
            PRIMARY KEY (record_id, contact_id)
        );

        CREATE TABLE backup.archive (
            event_id uuid PRIMARY KEY,
            type text NOT NULL,
            subject uuid NOT NULL,
            source text,
            received_at timestamptz NOT NULL,
            value bytea
        );
        ALTER TABLE backup.archive ALTER COLUMN value SET STORAGE EXTERNAL;
        CREATE INDEX archive_subject ON backup.archive (subject);

        CREATE TABLE backup.event (
            event_id uuid PRIMARY KEY,
            type text NOT NULL,
            contact_id uuid NOT NULL,
            version bigint NOT NULL,
            at timestamptz NOT NULL,
            cause_id text,
            value bytea
        );
        CREATE INDEX event_contact ON backup.event (contact_id);
        CREATE INDEX event_cause ON backup.event (cause_id) WHERE cause_id IS NOT NULL;
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP SCHEMA backup CASCADE")
