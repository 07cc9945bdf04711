"""Reviews: ordered by what an answer is worth, assigned, put off until a day, and asked again for a reason."""

from alembic import op

from shared.runtime.migrations import at_once, concurrently

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add what a queue needs, and what was seen when somebody judged."""
    # `benefit`: thousandths of a pair of records that an answer is expected to set right; `answer`: the last one.
    # `review_id`: the question that was answered; `seen`: the evidence of that moment, MessagePack.
    at_once("""
        ALTER TABLE dedup.review
            ADD COLUMN IF NOT EXISTS reason text NOT NULL DEFAULT 'borderline'
                CHECK (reason IN ('borderline', 'contradiction', 'oversized', 'changed', 'control')),
            ADD COLUMN IF NOT EXISTS benefit integer NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS assignee text,
            ADD COLUMN IF NOT EXISTS due_at timestamptz,
            ADD COLUMN IF NOT EXISTS answer text CHECK (answer IN ('same', 'different', 'later')),
            ADD COLUMN IF NOT EXISTS answer_reason text;
        ALTER TABLE dedup.judgement
            ADD COLUMN IF NOT EXISTS review_id uuid,
            ADD COLUMN IF NOT EXISTS seen bytea;
    """)
    concurrently("""
        DROP INDEX CONCURRENTLY IF EXISTS dedup.review_best;
        CREATE INDEX CONCURRENTLY review_best ON dedup.review (state, benefit DESC, review_id);
        DROP INDEX CONCURRENTLY IF EXISTS dedup.review_due;
        CREATE INDEX CONCURRENTLY review_due ON dedup.review (due_at) WHERE state = 'later';
        DROP INDEX CONCURRENTLY IF EXISTS dedup.judgement_review;
        CREATE INDEX CONCURRENTLY judgement_review ON dedup.judgement (review_id) WHERE review_id IS NOT NULL;
    """)
    op.execute("""
        UPDATE dedup.review r
            SET benefit = round(1000 * least(n.records - 1, 1000000) / (1 + power(2::float8, -r.weight / 1000.0)))
            FROM (SELECT review_id, count(*) AS records FROM dedup.review_record GROUP BY 1) n
            WHERE n.review_id = r.review_id;
        UPDATE dedup.review SET due_at = changed_at + interval '14 days' WHERE state = 'later';
    """)


def downgrade() -> None:
    """Take them away."""
    op.execute("""
        ALTER TABLE dedup.judgement DROP COLUMN review_id, DROP COLUMN seen;
        DROP INDEX dedup.review_best, dedup.review_due;
        ALTER TABLE dedup.review DROP COLUMN reason, DROP COLUMN benefit, DROP COLUMN assignee, DROP COLUMN due_at,
            DROP COLUMN answer, DROP COLUMN answer_reason;
        CREATE INDEX review_best ON dedup.review (state, weight DESC, review_id);
    """)
