"""Identity: records, what connects them, the contacts they make, and what people decided about them."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables. Fill factors and vacuum by counts: facts, identity-transactions sections 4 and 8."""
    op.execute("""
        CREATE SCHEMA dedup;

        -- `keys` are the blocking keys, eight bytes each, big-endian; `traits` and `body` are MessagePack.
        -- A deleted record stays, without contact, keys and traits, so that what was said before it stays superseded.
        -- Revision 0: a deletion came, the record itself never did.
        CREATE TABLE dedup.record (
            record_id uuid PRIMARY KEY,
            contact_id uuid,
            source text NOT NULL,
            revision integer NOT NULL,
            keys bytea NOT NULL,
            traits bytea,
            body bytea NOT NULL
        ) WITH (fillfactor = 85);
        CREATE INDEX record_contact ON dedup.record (contact_id) WHERE contact_id IS NOT NULL;

        CREATE TABLE dedup.block_key (
            key bigint NOT NULL,
            record_id uuid NOT NULL,
            PRIMARY KEY (key, record_id)
        );

        -- Keys that too many records share: they give no candidates any more, the same for everyone.
        CREATE TABLE dedup.generic_key (
            key bigint PRIMARY KEY,
            since timestamptz NOT NULL DEFAULT now()
        );

        -- Weights are integers (millibits): a score stored as a float of four bytes comes back as another one.
        CREATE TABLE dedup.evidence (
            a uuid NOT NULL,
            b uuid NOT NULL,
            a_revision integer NOT NULL,
            b_revision integer NOT NULL,
            weight integer NOT NULL,
            veto text,
            parts bytea NOT NULL,
            PRIMARY KEY (a, b),
            CHECK (a < b)
        ) WITH (fillfactor = 90);
        CREATE INDEX evidence_b ON dedup.evidence (b);

        -- `retired`: null, merged or deleted; a redirect always points to where the founding record is now.
        CREATE TABLE dedup.contact (
            contact_id uuid PRIMARY KEY,
            version integer NOT NULL,
            retired text CHECK (retired IN ('merged', 'deleted')),
            merged_into uuid,
            merged_into_version integer,
            founder uuid NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            cause bytea NOT NULL
        ) WITH (fillfactor = 80);
        CREATE INDEX contact_merged_into ON dedup.contact (merged_into) WHERE merged_into IS NOT NULL;

        -- No index on `since`: it would end HOT updates; vacuumed often, the table stays a few pages.
        CREATE TABLE dedup.unsaid (
            contact_id uuid PRIMARY KEY,
            version integer NOT NULL,
            since timestamptz NOT NULL DEFAULT now()
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

        -- One row for each event that was decided, in the transaction of its effect.
        CREATE TABLE dedup.decision (
            event_id uuid PRIMARY KEY,
            outcome text NOT NULL CHECK (outcome IN ('resolved', 'deleted', 'dropped', 'parked', 'refreshed')),
            reason text,
            record_id uuid,
            contact_id uuid,
            version integer,
            decided_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX decision_decided_at ON dedup.decision USING brin (decided_at);

        CREATE TABLE dedup.judgement (
            judgement_id uuid PRIMARY KEY,
            same boolean NOT NULL,
            left_records uuid[] NOT NULL,
            right_records uuid[] NOT NULL,
            reason text,
            given_by text NOT NULL,
            given_at timestamptz NOT NULL,
            withdrawn_by text,
            withdrawn_at timestamptz
        );

        -- Judgements in force, by record.
        CREATE TABLE dedup.judgement_record (
            record_id uuid NOT NULL,
            judgement_id uuid NOT NULL,
            PRIMARY KEY (record_id, judgement_id)
        );

        CREATE TABLE dedup.review (
            review_id uuid PRIMARY KEY,
            state text NOT NULL CHECK (state IN ('open', 'later', 'decided', 'closed')),
            weight integer NOT NULL,
            groups bytea NOT NULL,
            opened_at timestamptz NOT NULL,
            changed_at timestamptz NOT NULL,
            decided_by text
        );
        CREATE INDEX review_best ON dedup.review (state, weight DESC, review_id);

        CREATE TABLE dedup.review_record (
            record_id uuid NOT NULL,
            review_id uuid NOT NULL,
            PRIMARY KEY (record_id, review_id)
        );

        -- Interactions that wait for their person, by the key of the address or record they name.
        CREATE TABLE dedup.parked (
            event_id uuid PRIMARY KEY,
            key bigint NOT NULL,
            shared boolean NOT NULL,
            body bytea NOT NULL,
            since timestamptz NOT NULL
        );
        CREATE INDEX parked_key ON dedup.parked (key);
        CREATE INDEX parked_since ON dedup.parked (since);
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP SCHEMA dedup CASCADE")
