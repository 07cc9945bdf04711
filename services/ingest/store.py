"""ingest's statements: all of its SQL, each for a whole batch. Rows are written in the order of their ids, so that two
processes never wait for each other in a circle.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import asyncpg

from services.ingest.core import books
from services.ingest.core.decide import Accepted, Known, State
from services.ingest.core.following import Answered, Belongs, Letter, Received, Seen, sorted_notes
from services.ingest.core.identity import KEY_KEPT
from shared.domain.events import RecordReceived
from shared.domain.outcome import DropReason, LetterReason
from shared.runtime import erasure, renewal, scheduler
from shared.runtime.arrays import blobs, ids, numbers, texts, times
from shared.runtime.database import Connection, Database

MERGES_FOLLOWED_MAX: Final = 20
"""A chain of merges is followed this far at once; what is longer is followed on with the next message."""

UNKNOWN: Final = b"?"
"""The content of a state that only the log has told of: equal to no delivery's, so the next one counts as news."""


Row: TypeAlias = asyncpg.Record
"""A row by the names of its columns."""


KeyName: TypeAlias = tuple[str, str]
"""An Idempotency-Key: the id of the token that it came with, and what it is called."""


class Answer:
    """What an Idempotency-Key was answered with before."""

    __slots__ = ("answer", "body")

    def __init__(self, body: bytes, answer: bytes) -> None:
        self.body = body
        self.answer = answer


class Store:
    """The door's two round trips: what is known before, and what is remembered after Kafka has it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_key(self, made: bytes) -> bytes:
        """The installation's key for record ids: the one that was made first, whoever made it."""
        rows = await self._database.fetch(
            """WITH made AS (INSERT INTO runtime.installation (record_key) VALUES ($1)
                             ON CONFLICT DO NOTHING RETURNING record_key)
               SELECT record_key FROM made UNION ALL SELECT record_key FROM runtime.installation""",
            made,
        )
        return bytes(rows[0]["record_key"])

    async def known(
        self, record_ids: Sequence[str], event_ids: Sequence[str], keys: Sequence[KeyName], now: datetime
    ) -> tuple[Known, Mapping[KeyName, Answer]]:
        """The last states of these records, which of these events were accepted, and what keys were answered with."""
        rows = await self._database.fetch(
            # Laterals, since a plan made while the tables are empty is kept while they grow (`offset 0` binds it to the
            # indexes): as `= ANY` it read all of 20,000 records for each of a new system's first requests.
            """SELECT state.* FROM unnest($1::text::uuid[]) AS asked (id) CROSS JOIN LATERAL (
                 SELECT record_id::text AS id, source, event_id::text AS event_id, content, observed_at, received_at
                 FROM ingest.record_state WHERE record_id = asked.id OFFSET 0) AS state
               UNION ALL
               SELECT receipt.* FROM unnest($2::text::uuid[]) AS asked (id) CROSS JOIN LATERAL (
                 SELECT event_id::text, NULL::text, NULL::text, NULL::bytea, NULL::timestamptz, NULL::timestamptz
                 FROM ingest.receipt WHERE event_id = asked.id AND kind IS NOT NULL OFFSET 0) AS receipt
               UNION ALL
               SELECT answer.* FROM unnest($3::text::text[], $4::text::text[]) AS asked (token, name)
               CROSS JOIN LATERAL (
                 SELECT NULL::text, token_id, key, body || answer, NULL::timestamptz, NULL::timestamptz
                 FROM ingest.idempotency WHERE token_id = asked.token AND key = asked.name AND at > $5
                 OFFSET 0) AS answer""",
            ids(record_ids),
            ids(event_ids),
            texts(token_id for token_id, _ in keys),
            texts(name for _, name in keys),
            now - KEY_KEPT,
        )
        states: dict[str, State] = {}
        events: set[str] = set()
        answers: dict[KeyName, Answer] = {}
        for row in rows:
            if row["id"] is None:
                answers[row["source"], row["event_id"]] = Answer(row["content"][:16], row["content"][16:])
            elif row["source"] is not None:
                states[row["id"]] = _state(row)
            else:
                events.add(row["id"])
        return Known(states, frozenset(events)), answers

    async def remember(self, accepted: Iterable[Accepted], answers: Mapping[KeyName, Answer], now: datetime) -> None:
        """Receipts, the newest states and the answers to keys, in one statement."""
        said = {one.receipt.event_id: one for one in accepted if one.says is not None}
        news = [said[event_id] for event_id in sorted(said)]
        newest = _newest(news)
        await self._database.execute(
            """WITH news AS MATERIALIZED (
                 SELECT * FROM unnest($1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::uuid[],
                                      $5::text::timestamptz[], $6::text::text[], $7::text::timestamptz[],
                                      $8::text::text[])
                               AS one (event_id, kind, source, record_id, at, content, observed_at, import_id)),
               receipts AS (
                 INSERT INTO ingest.receipt (event_id, kind, source, record_id, state, received_at)
                 SELECT event_id, kind, source, record_id, 'received', at FROM news
                 ON CONFLICT (event_id) DO NOTHING),
               answers AS (
                 INSERT INTO ingest.idempotency (token_id, key, body, answer, at)
                 SELECT token_id, key, body, answer, $13
                 FROM unnest($9::text::text[], $10::text::text[], $11::text::bytea[], $12::text::bytea[])
                      AS one (token_id, key, body, answer)
                 ORDER BY token_id, key
                 ON CONFLICT (token_id, key) DO UPDATE
                   SET body = excluded.body, answer = excluded.answer, at = excluded.at
                   WHERE idempotency.at <= excluded.at - interval '24 hours')
               INSERT INTO ingest.record_state AS state
                           (record_id, source, event_id, content, observed_at, received_at, import_id)
               SELECT record_id, source, event_id, decode(content, 'hex'), observed_at, at, import_id
               FROM news WHERE content IS NOT NULL ORDER BY record_id
               ON CONFLICT (record_id) DO UPDATE
                 SET event_id = excluded.event_id, content = excluded.content, observed_at = excluded.observed_at,
                     received_at = excluded.received_at,
                     import_id = CASE state.content WHEN '' THEN excluded.import_id ELSE state.import_id END
                 WHERE (excluded.observed_at, excluded.event_id) >= (state.observed_at, state.event_id)""",
            ids(one.receipt.event_id for one in news),
            ids(one.kind for one in news),
            texts(one.source for one in news),
            ids(one.receipt.record_id for one in news),
            times(one.says.event.time if one.says else now for one in news),
            texts(one.state.content.hex() if one.state and one.state.event_id in newest else None for one in news),
            times(one.state.observed_at if one.state else now for one in news),
            texts(_import_of(one) for one in news),
            texts(token_id for token_id, _ in answers),
            texts(name for _, name in answers),
            blobs(answer.body for answer in answers.values()),
            blobs(answer.answer for answer in answers.values()),
            now,
        )

    async def remember_letters(self, letters: Sequence[tuple[str, str, LetterReason]], now: datetime) -> None:
        """Receipts of deliveries that were set aside at the door: (event id, source, reason)."""
        await self._database.execute(
            """INSERT INTO ingest.receipt (event_id, kind, source, state, reason, received_at)
               SELECT event_id, 'hook', source, 'dead-letter', reason, $4
               FROM unnest($1::uuid[], $2::text[], $3::text[]) AS letter (event_id, source, reason)
               ON CONFLICT (event_id) DO NOTHING""",
            [event_id for event_id, _, _ in letters],
            [source for _, source, _ in letters],
            [reason.value for _, _, reason in letters],
            now,
        )

    async def source_of(self, record_id: str) -> str | None:
        """Who said this record; None for one that never came."""
        rows = await self._database.fetch(
            "SELECT source FROM ingest.record_state WHERE record_id = $1::uuid", record_id
        )
        return rows[0]["source"] if rows else None

    async def count_duplicates(self, counts: Mapping[str, int]) -> None:
        """Add to what each source has sent again."""
        await self._database.execute(
            """INSERT INTO ingest.source_count AS present (source, duplicates)
               SELECT * FROM unnest($1::text[], $2::bigint[]) ORDER BY 1
               ON CONFLICT (source) DO UPDATE SET duplicates = present.duplicates + excluded.duplicates""",
            list(counts),
            list(counts.values()),
        )

    async def forget_old_answers(self, now: datetime) -> None:
        """Idempotency keys of more than a day ago."""
        await self._database.execute("DELETE FROM ingest.idempotency WHERE at <= $1", now - KEY_KEPT)


class Shelf:
    """What others may read: receipts, counters, letters and the books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receipt(self, event_id: str) -> Row | None:
        """One receipt; its contact is the one that holds it today, after all merges."""
        rows = await self._database.fetch(
            """WITH RECURSIVE way (contact_id, steps) AS (
                 SELECT contact_id, 0 FROM ingest.receipt WHERE event_id = $1::uuid
                 UNION ALL
                 SELECT s.merged_into, steps + 1 FROM way JOIN ingest.contact_seen s USING (contact_id)
                 WHERE s.gone = 'merged' AND steps < $2)
               SELECT r.event_id::text, r.state, r.reason, r.record_id::text, r.source, r.received_at,
                      (SELECT contact_id::text FROM way ORDER BY steps DESC LIMIT 1) AS contact_id, r.version
               FROM ingest.receipt r WHERE r.event_id = $1::uuid AND r.kind IS NOT NULL""",
            await self._stands_for(event_id),
            MERGES_FOLLOWED_MAX,
        )
        return rows[0] if rows else None

    async def _stands_for(self, event_id: str) -> str:
        """The event that stands for this one, however often it was mended: itself, unless it was."""
        rows = await self._database.fetch(
            """WITH RECURSIVE mended (event_id, steps) AS (
                 SELECT $1::uuid, 0
                 UNION ALL
                 SELECT n.event_id, steps + 1 FROM mended m JOIN ingest.receipt r USING (event_id)
                        JOIN ingest.receipt n ON n.event_id = r.mended_as
                 WHERE steps < $2)
               SELECT event_id::text FROM mended ORDER BY steps DESC LIMIT 1""",
            event_id,
            MERGES_FOLLOWED_MAX,
        )
        found: str = rows[0]["event_id"]
        return found

    async def sources(self) -> dict[str, Row]:
        """What each source has sent, and what became of it."""
        rows = await self._database.fetch(
            """SELECT coalesce(r.source, d.source) AS source, coalesce(r.accepted, 0)::bigint AS accepted,
                      coalesce(r.records, 0)::bigint AS records, coalesce(s.new, 0) AS new,
                      coalesce(r.dropped, 0)::bigint AS dropped, coalesce(r.dead_letters, 0)::bigint AS dead_letters,
                      coalesce(r.waiting, 0)::bigint AS waiting, coalesce(d.duplicates, 0) AS duplicates,
                      r.last_received_at
               FROM (SELECT source, sum(events) AS accepted, sum(events) FILTER (WHERE kind = 'record') AS records,
                            sum(events) FILTER (WHERE state = 'dropped') AS dropped,
                            sum(events) FILTER (WHERE state = 'dead-letter') AS dead_letters,
                            sum(events) FILTER (WHERE state IN ('received', 'resolved')) AS waiting,
                            max(received_at) AS last_received_at
                     FROM (SELECT source, kind, state, count(*) AS events, max(received_at) AS received_at
                           FROM ingest.receipt WHERE kind IS NOT NULL AND mended_as IS NULL GROUP BY 1, 2, 3
                           UNION ALL
                           SELECT source, kind, state, events, received_at FROM ingest.settled) AS one
                     GROUP BY source) r
               LEFT JOIN (SELECT source, count(*) AS new FROM ingest.record_state GROUP BY source) s USING (source)
               FULL JOIN ingest.source_count d ON d.source = r.source"""
        )
        return {row["source"]: row for row in rows}

    async def books(self) -> list[books.Row]:
        """All receipts, counted, those that are kept no longer too. What was received before its record's last
        carried-out deletion is gone with it.
        """
        rows = await self._database.fetch(
            """SELECT r.kind, r.state, CASE WHEN r.state IN ('dropped', 'dead-letter') THEN r.reason END AS reason,
                      coalesce(r.received_at <= g.at, false) AS gone, count(*) AS events
               FROM ingest.receipt r LEFT JOIN ingest.gone g USING (record_id)
               WHERE r.kind IS NOT NULL AND r.mended_as IS NULL GROUP BY 1, 2, 3, 4
               UNION ALL
               SELECT s.kind, s.state, s.reason, s.gone OR coalesce(s.received_at <= g.at, false), sum(s.events)::bigint
               FROM ingest.settled s LEFT JOIN ingest.gone g USING (record_id) GROUP BY 1, 2, 3, 4"""
        )
        return [books.Row(*row.values()) for row in rows]

    async def open_letters(self) -> dict[str, int]:
        """How many letters of each stage wait for somebody."""
        rows = await self._database.fetch(
            "SELECT stage, count(*) AS letters FROM ingest.dead_letter WHERE state = 'open' GROUP BY stage"
        )
        return {row["stage"]: row["letters"] for row in rows}

    async def jobs(self) -> list[scheduler.Line]:
        """The timed work of all services."""
        return await scheduler.runs(self._database)

    async def configuration(self) -> dict[str, Any] | None:
        """The active revision of the configuration, and how far the contacts it concerns have been asked for."""
        return await renewal.standing(self._database)


class Follower:
    """What the follower writes: insert-once or only-if-newer, so that order and repetition do not matter."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, notes: Sequence[Any]) -> list[str]:
        """One transaction for a batch; returns the contacts whose receipts may now go on, see `settle`."""
        async with self._database.transaction() as connection:
            await _receive(connection, sorted_notes(notes, Received))
            await _answer(connection, sorted_notes(notes, Answered))
            await _belong(connection, sorted_notes(notes, Belongs))
            await _see(connection, sorted_notes(notes, Seen))
            await _forget(connection, sorted_notes(notes, Seen))
            await _set_aside(connection, sorted_notes(notes, Letter))
        return sorted({one.contact_id for one in notes if isinstance(one, Answered | Seen | Letter) and one.contact_id})

    async def settle(self, contact_ids: Sequence[str]) -> None:
        """Move receipts of these contacts on, after the batch is committed.

        In statements of their own: of two processes that write two halves (the answer, the clean message), the one
        that commits last sees both, so no receipt waits for ever.
        """
        for _ in range(MERGES_FOLLOWED_MAX):
            if not contact_ids:
                return
            moved = await self._database.fetch(_GO_ON, ids(contact_ids))
            await self._database.execute(_HOLD_UP, ids(contact_ids))
            contact_ids = sorted({row["contact_id"] for row in moved})


async def _receive(connection: Connection, notes: Sequence[Received]) -> None:
    """Accepted events; for those the door could not write down, the record's state too, its content unknown."""
    mended = [one for one in notes if one.mends is not None]
    if mended:
        await connection.execute(
            """INSERT INTO ingest.receipt AS r (event_id, state, reason, mended_as)
               SELECT mends, 'dropped', $3, event_id FROM unnest($1::uuid[], $2::uuid[]) AS one (mends, event_id)
               ORDER BY 1
               ON CONFLICT (event_id) DO UPDATE
                 SET state = excluded.state, reason = excluded.reason, mended_as = excluded.mended_as, held = false
                 WHERE r.state IN ('received', 'dead-letter') OR r.reason IN ('given-up', 'expired')""",
            list({one.mends: one.event_id for one in mended}),
            list({one.mends: one.event_id for one in mended}.values()),
            DropReason.MENDED.value,
        )
    if not notes:
        return
    rows = await connection.fetch(
        """INSERT INTO ingest.receipt AS r (event_id, kind, source, record_id, state, received_at)
           SELECT event_id, kind, source, record_id, 'received', at
           FROM unnest($1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::uuid[], $5::text::timestamptz[])
                AS news (event_id, kind, source, record_id, at)
           ON CONFLICT (event_id) DO UPDATE
             SET kind = CASE WHEN r.kind = 'hook' THEN r.kind ELSE excluded.kind END, source = excluded.source,
                 record_id = coalesce(r.record_id, excluded.record_id),
                 received_at = coalesce(r.received_at, excluded.received_at)
             WHERE r.kind IS NULL OR (r.kind = 'hook' AND r.record_id IS NULL)
           RETURNING event_id::text AS event_id""",
        ids(one.event_id for one in notes),
        ids(one.kind for one in notes),
        texts(one.source for one in notes),
        ids(one.record_id for one in notes),
        times(one.at for one in notes),
    )
    unwritten = {row["event_id"] for row in rows}
    newest: dict[str, Received] = {}
    for one in notes:
        if one.event_id in unwritten and one.kind != "interaction" and one.record_id is not None:
            before = newest.get(one.record_id, one)
            old, new = sorted((before, one), key=lambda note: (note.observed_at, note.event_id))
            newest[one.record_id] = new._replace(import_id=old.import_id)  # who said it first brought it
    if newest:
        await _receive_states(connection, [newest[record_id] for record_id in sorted(newest)])


async def _receive_states(connection: Connection, notes: Sequence[Received]) -> None:
    await connection.execute(
        """INSERT INTO ingest.record_state AS state
                       (record_id, source, event_id, content, observed_at, received_at, import_id)
           SELECT record_id, source, event_id, decode(content, 'hex'), observed_at, received_at, import_id
           FROM unnest($1::text::uuid[], $2::text::text[], $3::text::uuid[], $4::text::text[], $5::text::timestamptz[],
                       $6::text::timestamptz[], $7::text::text[])
                AS row (record_id, source, event_id, content, observed_at, received_at, import_id)
           ON CONFLICT (record_id) DO UPDATE
             SET event_id = excluded.event_id, content = excluded.content, observed_at = excluded.observed_at,
                 received_at = excluded.received_at,
                 import_id = CASE state.content WHEN '' THEN excluded.import_id ELSE state.import_id END
             WHERE (excluded.observed_at, excluded.event_id) > (state.observed_at, state.event_id)""",
        ids(one.record_id for one in notes),
        texts(one.source for one in notes),
        ids(one.event_id for one in notes),
        texts("" if one.kind == "deletion" else UNKNOWN.hex() for one in notes),
        times(one.observed_at for one in notes),
        times(one.at for one in notes),
        texts(one.import_id for one in notes),
    )


async def _answer(connection: Connection, notes: Sequence[Answered]) -> None:
    """Dedup's decisions; only the first one of an event counts, unless it was set aside and sent again since.

    One that names no contact has none to wait for.
    """
    if not notes:
        return
    await connection.execute(
        """INSERT INTO ingest.receipt AS r (event_id, state, reason, contact_id, version, resolved_at)
           SELECT event_id, CASE WHEN outcome = 'dropped' THEN 'dropped' WHEN contact_id IS NULL THEN 'clean'
                                 ELSE 'resolved' END, reason, contact_id, coalesce(version, 0), now()
           FROM unnest($1::text::uuid[], $2::text::text[], $3::text::text[], $4::text::uuid[], $5::text::bigint[])
                AS answer (event_id, outcome, reason, contact_id, version)
           ON CONFLICT (event_id) DO UPDATE
             SET state = excluded.state, reason = excluded.reason, contact_id = excluded.contact_id,
                 version = excluded.version, resolved_at = excluded.resolved_at
             WHERE (r.state IN ('received', 'dead-letter') OR r.reason IN ('given-up', 'expired'))
               AND r.contact_id IS NULL AND NOT r.held""",
        ids(one.event_id for one in notes),
        ids(one.outcome for one in notes),
        texts(one.reason for one in notes),
        ids(one.contact_id for one in notes),
        numbers(one.version for one in notes),
    )
    await connection.execute(
        """UPDATE ingest.dead_letter SET state = 'closed'
           WHERE state IN ('open', 'replayed') AND contact_id IS NULL AND stage IN ('ingest', 'dedup')
             AND (event_id = ANY($1::text::uuid[]) OR mended_as = ANY($1::text::uuid[]))""",
        ids(one.event_id for one in notes),
    )


async def _belong(connection: Connection, notes: Sequence[Belongs]) -> None:
    if notes:
        await connection.execute(
            """INSERT INTO ingest.receipt AS r (event_id, record_id, state)
               SELECT event_id, record_id, 'received' FROM unnest($1::uuid[], $2::uuid[]) AS one (event_id, record_id)
               ON CONFLICT (event_id) DO UPDATE SET record_id = excluded.record_id
                 WHERE r.record_id IS DISTINCT FROM excluded.record_id""",
            [one.event_id for one in notes],
            [one.record_id for one in notes],
        )


async def _see(connection: Connection, notes: Sequence[Seen]) -> None:
    if notes:
        await connection.execute(
            """INSERT INTO ingest.contact_seen AS seen (contact_id, version, gone, merged_into, merged_into_version)
               SELECT * FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::text[], $4::text::uuid[],
                                    $5::text::bigint[])
               ON CONFLICT (contact_id) DO UPDATE
                 SET version = excluded.version, gone = excluded.gone, merged_into = excluded.merged_into,
                     merged_into_version = excluded.merged_into_version
                 WHERE excluded.version > seen.version""",
            ids(one.contact_id for one in notes),
            numbers(one.version for one in notes),
            texts(one.gone for one in notes),
            ids(one.merged_into for one in notes),
            numbers(one.merged_into_version for one in notes),
        )


async def _forget(connection: Connection, notes: Sequence[Seen]) -> None:
    """What was accepted about a person who was erased counts as erased; what was last said is no duplicate any more."""
    gone = [one.contact_id for one in notes if one.gone == "erased"]
    if not gone:
        return
    rows = await connection.fetch(
        f"""{_LINE} UPDATE ingest.receipt SET state = 'erased', reason = NULL
            WHERE contact_id IN (SELECT contact_id FROM line) AND kind IN ('record', 'interaction')
            RETURNING record_id::text AS record_id""",  # noqa: S608 (a constant)
        ids(gone),
    )
    rows += await connection.fetch(
        f"""{_LINE}, sums AS (
              DELETE FROM ingest.settled WHERE contact_id IN (SELECT contact_id FROM line) AND state <> 'erased'
                AND kind IN ('record', 'interaction')
              RETURNING *)
            INSERT INTO ingest.settled AS present
                        (record_id, contact_id, kind, source, state, gone, received_at, events)
            SELECT record_id, contact_id, kind, source, 'erased', false, max(received_at), sum(events) FROM sums
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2
            ON CONFLICT (record_id, contact_id, kind, source, state, reason, gone) DO UPDATE
              SET events = present.events + excluded.events
            RETURNING record_id::text AS record_id""",  # noqa: S608 (as above)
        ids(gone),
    )
    await connection.execute(
        """UPDATE ingest.record_state SET content = decode($2, 'hex')
           WHERE record_id IN (SELECT unnest($1::text::uuid[]))""",
        ids({row["record_id"] for row in rows if row["record_id"] is not None}),
        UNKNOWN.hex(),
    )
    await erasure.note(connection, "ingest", gone)


_LINE: Final = """
    WITH RECURSIVE line (contact_id) AS (
      SELECT unnest($1::text::uuid[])
      UNION
      SELECT s.contact_id FROM line JOIN ingest.contact_seen s ON s.merged_into = line.contact_id)"""
"""These contacts, and all that were ever merged into them."""


async def _set_aside(connection: Connection, notes: Sequence[Letter]) -> None:
    """Letters, each once; one that is new sets its event aside, unless that has been answered meanwhile."""
    if not notes:
        return
    rows = await connection.fetch(
        """INSERT INTO ingest.dead_letter (letter_id, stage, reason, topic, "partition", "offset", source, event_id,
                                           contact_id, version, at, attempt, detail)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[], $7::text[],
                                $8::uuid[], $9::uuid[], $10::bigint[], $11::timestamptz[], $12::int[], $13::text[])
           ON CONFLICT (letter_id) DO NOTHING RETURNING letter_id::text AS letter_id""",
        *([one[place] for one in notes] for place in range(len(Letter._fields))),
    )
    fresh = {row["letter_id"] for row in rows}
    events = {one.event_id: one for one in notes if one.letter_id in fresh and one.event_id is not None}
    if not events:
        return
    letters = [events[event_id] for event_id in sorted(event_id for event_id in events if event_id)]
    await connection.execute(
        """INSERT INTO ingest.receipt AS r (event_id, kind, source, state, reason, held, received_at)
           SELECT event_id, CASE WHEN source IS NULL THEN NULL ELSE 'hook' END, source, 'dead-letter', reason, late, at
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bool[], $5::timestamptz[])
                AS letter (event_id, source, reason, late, at)
           ON CONFLICT (event_id) DO UPDATE
             SET state = 'dead-letter', reason = excluded.reason, held = excluded.held
             WHERE excluded.held OR r.state = 'received'""",
        [one.event_id for one in letters],
        [one.source for one in letters],
        [one.reason for one in letters],
        [one.stage not in ("ingest", "dedup") for one in letters],
        [one.at for one in letters],
    )


_GO_ON: Final = """
    WITH clean AS (
      UPDATE ingest.receipt r
      SET state = CASE WHEN s.gone = 'erased' AND r.kind <> 'deletion' THEN 'erased' ELSE 'clean' END, reason = NULL,
          clean_at = now() FROM ingest.contact_seen s
      WHERE r.contact_id = ANY($1::text::uuid[]) AND s.contact_id = r.contact_id AND NOT r.held
        AND (r.state IN ('resolved', 'dead-letter') OR r.reason IN ('given-up', 'expired'))
        AND s.version >= r.version AND s.gone IS DISTINCT FROM 'merged')
    UPDATE ingest.receipt r SET contact_id = s.merged_into, version = coalesce(s.merged_into_version, 0)
    FROM ingest.contact_seen s
    WHERE r.contact_id = ANY($1::text::uuid[]) AND s.contact_id = r.contact_id AND NOT r.held
      AND (r.state IN ('resolved', 'dead-letter') OR r.reason IN ('given-up', 'expired'))
      AND s.version >= r.version AND s.gone = 'merged'
    RETURNING r.contact_id::text AS contact_id"""
"""A receipt is clean when its contact was said at its version or a later one; what was merged away is followed. A
letter about a version may be given up: what it held up has arrived all the same once a later version has.
"""

_HOLD_UP: Final = """
    WITH closed AS (
      UPDATE ingest.dead_letter l SET state = 'closed' FROM ingest.contact_seen s
      WHERE l.contact_id = ANY($1::text::uuid[]) AND l.state IN ('open', 'replayed') AND s.contact_id = l.contact_id
        AND s.version >= l.version)
    UPDATE ingest.receipt r SET state = 'dead-letter', reason = l.reason FROM ingest.dead_letter l
    WHERE r.contact_id = ANY($1::text::uuid[]) AND r.state = 'resolved' AND l.contact_id = r.contact_id
      AND l.state = 'open'
      AND l.version >= r.version"""
"""A later clean version closes a letter; an open one holds up what still waits for that version."""


def _import_of(accepted: Accepted) -> str | None:
    data = accepted.says.event.data if accepted.says else None
    return data.import_id if isinstance(data, RecordReceived) else None


def _newest(accepted: Sequence[Accepted]) -> set[str]:
    """The events whose state holds for their record, where one request says a record more than once."""
    states: dict[str, State] = {}
    for one in accepted:
        state = one.state
        if state is not None and (state.record_id not in states or state.after(states[state.record_id])):
            states[state.record_id] = state
    return {state.event_id for state in states.values()}


def _state(row: Row) -> State:
    return State(
        row["id"], row["source"], row["event_id"], bytes(row["content"]), row["observed_at"], row["received_at"]
    )
