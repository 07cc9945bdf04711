"""Foreign relations that no constraint guards: one query each, which counts rows that hang in the air."""

from collections.abc import Mapping
from typing import Any, Final

LIVING: Final = "SELECT contact_id FROM dedup.contact WHERE retired IS NULL"

RELATIONS: Final[Mapping[str, str]] = {
    "a record's contact lives": """
        SELECT count(*) FROM dedup.record r LEFT JOIN dedup.contact c USING (contact_id)
        WHERE r.contact_id IS NOT NULL AND (c.contact_id IS NULL OR c.retired IS NOT NULL)""",
    "a living contact has records": """
        SELECT count(*) FROM dedup.contact c WHERE retired IS NULL
        AND NOT EXISTS (SELECT FROM dedup.record r WHERE r.contact_id = c.contact_id)""",
    "a living contact's founder is its record": """
        SELECT count(*) FROM dedup.contact c LEFT JOIN dedup.record r ON r.record_id = c.founder
        WHERE c.retired IS NULL AND r.record_id IS NULL""",
    "a merged contact leads to a living or deleted one": """
        SELECT count(*) FROM dedup.contact c LEFT JOIN dedup.contact t ON t.contact_id = c.merged_into
        WHERE c.retired = 'merged' AND (t.contact_id IS NULL OR t.retired = 'merged')""",
    "a blocking key's record lives": """
        SELECT count(*) FROM dedup.block_key k LEFT JOIN dedup.record r USING (record_id) WHERE r.contact_id IS NULL""",
    "evidence is about living records": """
        SELECT count(*) FROM dedup.evidence e
        WHERE EXISTS (SELECT FROM (VALUES (e.a), (e.b)) AS side (record_id)
                      LEFT JOIN dedup.record r USING (record_id) WHERE r.contact_id IS NULL)""",
    "evidence is about present revisions": """
        SELECT count(*) FROM dedup.evidence e JOIN dedup.record a ON a.record_id = e.a
        JOIN dedup.record b ON b.record_id = e.b WHERE a.revision < e.a_revision OR b.revision < e.b_revision""",
    "everything decided was said": "SELECT count(*) FROM dedup.unsaid",
    "a decision's contact is known": """
        SELECT count(*) FROM dedup.decision d LEFT JOIN dedup.contact c USING (contact_id)
        WHERE d.contact_id IS NOT NULL AND c.contact_id IS NULL""",
    "a decision's record is known": """
        SELECT count(*) FROM dedup.decision d LEFT JOIN dedup.record r USING (record_id)
        WHERE d.record_id IS NOT NULL AND r.record_id IS NULL""",
    "a review is about living records": """
        SELECT count(*) FROM dedup.review_record v JOIN dedup.review q USING (review_id)
        LEFT JOIN dedup.record r USING (record_id) WHERE q.state IN ('open', 'later') AND r.contact_id IS NULL""",
    "a review's records have their review": """
        SELECT count(*) FROM dedup.review_record v LEFT JOIN dedup.review q USING (review_id)
        WHERE q.review_id IS NULL""",
    "a judgement's records have their judgement": """
        SELECT count(*) FROM dedup.judgement_record v LEFT JOIN dedup.judgement j USING (judgement_id)
        WHERE j.judgement_id IS NULL""",
    "a pin's record is known": """
        SELECT count(*) FROM dedup.pin p LEFT JOIN dedup.record r USING (record_id) WHERE r.record_id IS NULL""",
    "nothing waits half restored": "SELECT count(*) FROM dedup.held",
    "dedup and rules know the same contacts": """
        SELECT count(*) FROM dedup.contact d FULL JOIN rules.contact r USING (contact_id)
        WHERE d.contact_id IS NULL OR r.contact_id IS NULL OR (d.retired IS NULL) <> (r.document IS NOT NULL)""",
    "rules has every contact's last version": """
        SELECT count(*) FROM dedup.contact d JOIN rules.contact r USING (contact_id)
        WHERE d.version <> r.version OR r.version <> r.published_version""",
    "what finds a contact finds one that is there": """
        SELECT count(*) FROM rules.lookup l LEFT JOIN rules.contact c USING (contact_id) WHERE c.document IS NULL""",
    "a label's contact is there": """
        SELECT count(*) FROM rules.label l LEFT JOIN rules.contact c USING (contact_id) WHERE c.document IS NULL""",
    "a change's contact is known": """
        SELECT count(*) FROM rules.change h LEFT JOIN rules.contact c USING (contact_id)
        WHERE c.contact_id IS NULL OR h.version > c.version""",
    "an interaction's contact holds its record": """
        SELECT count(*) FROM rules.timeline t JOIN dedup.record r USING (record_id)
        WHERE r.contact_id IS NOT NULL AND r.contact_id <> t.contact_id""",
    "an interaction's record is known": """
        SELECT count(*) FROM rules.timeline t LEFT JOIN dedup.record r USING (record_id) WHERE r.record_id IS NULL""",
    "a timer's contact is there": """
        SELECT count(*) FROM rules.timer t LEFT JOIN rules.contact c USING (contact_id) WHERE c.document IS NULL""",
    "a firing's contact is known": """
        SELECT count(*) FROM rules.firing f LEFT JOIN rules.contact c USING (contact_id) WHERE c.contact_id IS NULL""",
    "a delivery's contact is known": """
        SELECT count(*) FROM rules.delivery f LEFT JOIN rules.contact c USING (contact_id)
        WHERE c.contact_id IS NULL""",
    "who waits for a fact waits for a question or has it": """
        SELECT count(*) FROM runtime.waiter w LEFT JOIN runtime.question q USING (service, kind, subject)
        LEFT JOIN runtime.fact f USING (service, kind, subject) WHERE q.kind IS NULL AND f.kind IS NULL""",
    "who waits for a fact is a contact": """
        SELECT count(*) FROM runtime.waiter w LEFT JOIN dedup.contact c USING (contact_id)
        WHERE c.contact_id IS NULL""",
    "nothing lies in an outbox": "SELECT count(*) FROM runtime.outbox",
    "nobody has stopped on purpose": "SELECT count(*) FROM runtime.halted",
    "a receipt's contact is known": """
        SELECT count(*) FROM ingest.receipt r LEFT JOIN dedup.contact c USING (contact_id)
        WHERE r.contact_id IS NOT NULL AND c.contact_id IS NULL""",
    "a receipt's record is known": """
        SELECT count(*) FROM ingest.receipt r LEFT JOIN dedup.record d USING (record_id)
        WHERE r.kind = 'record' AND r.state IN ('clean', 'resolved') AND d.record_id IS NULL""",
    "ingest has seen every contact's last version": """
        SELECT count(*) FROM dedup.contact d LEFT JOIN ingest.contact_seen s USING (contact_id)
        WHERE s.contact_id IS NULL OR s.version <> d.version""",
    "a contact that ingest has seen is known": """
        SELECT count(*) FROM ingest.contact_seen s LEFT JOIN dedup.contact d USING (contact_id)
        WHERE d.contact_id IS NULL""",
    "ingest and dedup know the same records": """
        SELECT count(*) FROM ingest.record_state s FULL JOIN dedup.record r USING (record_id)
        WHERE s.record_id IS NULL OR r.record_id IS NULL""",
    "the history ends with the present": """
        SELECT count(*) FROM rules.contact c
        LEFT JOIN backup.version v ON v.contact_id = c.contact_id AND v.version = c.published_version
        WHERE v.contact_id IS NULL""",
    "the history is of known contacts": """
        SELECT count(*) FROM backup.version v LEFT JOIN rules.contact c USING (contact_id)
        WHERE c.contact_id IS NULL""",
    "the archive holds what was decided": """
        SELECT count(*) FROM dedup.decision d LEFT JOIN backup.archive a USING (event_id)
        WHERE a.event_id IS NULL AND d.outcome <> 'refreshed'""",
    "a record's last home is its contact": """
        SELECT count(*) FROM dedup.record r LEFT JOIN backup.home h USING (record_id)
        WHERE r.contact_id IS NOT NULL AND h.contact_id IS DISTINCT FROM r.contact_id""",
}
"""By what holds, how many rows break it."""


async def orphans(connection: Any) -> dict[str, int]:
    """By broken relation, the rows that break it; empty when all hold."""
    counted = {name: int(await connection.fetchval(query)) for name, query in RELATIONS.items()}
    return {name: rows for name, rows in counted.items() if rows}
