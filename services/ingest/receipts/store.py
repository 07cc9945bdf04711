"""The statements about old receipts."""

from datetime import datetime

from shared.runtime.database import Connection

PAGE_BYTES = 8_192
"""A page of a table, unless Postgres was built otherwise; then a walk has more steps, or fewer, and the same end."""


async def pages(connection: Connection) -> int:
    """How many pages the receipts take."""
    found: int = await connection.fetchval("SELECT pg_relation_size('ingest.receipt') / $1::bigint", PAGE_BYTES)
    return found


async def settle(connection: Connection, first: int, end: int, before: datetime) -> int:
    """Add up and delete what came to its end before then, in the pages from the first up to the end; how many.

    A receipt whose record has a deletion under way waits for it: whether the one came before the other is told by
    their times, and a sum has but one. What was never told of (kind is null) counts nowhere and just goes, as does what
    was mended, since another stands for it.
    """
    told = await connection.fetchval(
        """WITH old AS (
             DELETE FROM ingest.receipt r
             WHERE r.ctid >= $1::text::tid AND r.ctid < $2::text::tid
               AND r.state IN ('clean', 'dropped', 'erased') AND (r.state = 'dropped' OR NOT r.held)
               AND greatest(r.received_at, r.resolved_at, r.clean_at) < $3
               AND NOT EXISTS (SELECT FROM ingest.receipt d
                               WHERE d.kind = 'deletion' AND d.record_id = r.record_id
                                 AND d.state NOT IN ('clean', 'dropped'))
             RETURNING r.*),
           taken AS (
             INSERT INTO ingest.taken_back AS present (record_id, at)
             SELECT record_id, max(received_at) FROM old
             WHERE kind = 'deletion' AND state = 'clean' AND record_id IS NOT NULL GROUP BY 1 ORDER BY 1
             ON CONFLICT (record_id) DO UPDATE SET at = greatest(present.at, excluded.at)),
           sums AS (
             INSERT INTO ingest.settled AS present
                         (record_id, contact_id, kind, source, state, reason, gone, received_at, events)
             SELECT o.record_id, o.contact_id, o.kind, o.source, o.state,
                    CASE WHEN o.state = 'dropped' THEN o.reason END, coalesce(o.received_at <= g.at, false),
                    max(o.received_at), count(*)
             FROM old o LEFT JOIN ingest.gone g USING (record_id)
             WHERE o.kind IS NOT NULL AND o.mended_as IS NULL GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2
             ON CONFLICT (record_id, contact_id, kind, source, state, reason, gone) DO UPDATE
               SET events = present.events + excluded.events,
                   received_at = greatest(present.received_at, excluded.received_at))
           SELECT count(*) FROM old""",
        f"({first},0)",
        f"({end},0)",
        before,
    )
    settled: int = told
    return settled
