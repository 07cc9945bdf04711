"""The statements of reviews: the queue, its answers, what was seen when somebody judged, and counts for quality."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from services.dedup.core.estimating import Counted, Observed
from services.dedup.core.judging import Verdict
from services.dedup.core.reviewing import BENEFIT_MAX, Review, Seen
from services.dedup.core.scene import Pair
from shared.runtime.arrays import ids
from shared.runtime.database import Connection

_ENCODER: Final = msgspec.msgpack.Encoder()
_GROUPS: Final = msgspec.msgpack.Decoder(tuple[tuple[str, ...], ...])
_SEEN: Final = msgspec.msgpack.Decoder(Seen)

_FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"

PAIRS_SAMPLED: Final = 200_000
"""Pairs of evidence counted for an estimate: their share of a band is off by less than half a percent, in a second."""

DUE_MAX: Final = 1_000
"""Reviews that come back in one go; more do so a minute later."""


async def naming(connection: Connection, record_ids: Collection[str]) -> list[Review]:
    """Reviews that are open or put off and name one of these records."""
    rows = await connection.fetch(
        """select review_id::text, state, weight, groups, opened_at, reason, benefit, assignee, due_at,
                  answer, answer_reason, decided_by
           from (select distinct named.review_id as id from unnest($1::text::uuid[]) u(record_id)
                 cross join lateral (select review_id from dedup.review_record
                                     where record_id = u.record_id offset 0) named offset 0) d
           cross join lateral (select * from dedup.review where review_id = d.id offset 0) r
           where state in ('open', 'later')""",
        ids(record_ids),
    )
    return [_review(row) for row in rows]


async def find(connection: Connection, review_ids: Collection[str]) -> dict[str, Review]:
    """These reviews, whatever their state."""
    rows = await connection.fetch(
        """select review_id::text, state, weight, groups, opened_at, reason, benefit, assignee, due_at,
                  answer, answer_reason, decided_by
           from dedup.review where review_id = any($1::text::uuid[])""",
        ids(review_ids),
    )
    return {row[0]: _review(row) for row in rows}


async def queue(
    connection: Connection,
    state: str,
    *,
    after: tuple[int, str] | None,
    rows_max: int,
    reason: str | None = None,
    assignee: str | None = None,
    weights: tuple[int, int] | None = None,
) -> list[Review]:
    """Reviews in one state, the most useful answer first; `after` is benefit and id of the last one seen, `weights` the
    least and the greatest that count. An empty assignee means nobody.
    """
    benefit, review_id = after if after is not None else (BENEFIT_MAX, _FIRST_ID)
    least, greatest = weights if weights is not None else (-BENEFIT_MAX, BENEFIT_MAX)
    rows = await connection.fetch(
        """select review_id::text, state, weight, groups, opened_at, reason, benefit, assignee, due_at,
                  answer, answer_reason, decided_by
           from dedup.review
           where state = $1 and benefit <= $2 and (benefit < $2 or review_id > $3)
             and ($5::text is null or reason = $5) and ($6::text is null or coalesce(assignee, '') = $6)
             and weight between $7 and $8
           order by benefit desc, review_id limit $4""",
        *(state, benefit, review_id, rows_max, reason, assignee, least, greatest),
    )
    return [_review(row) for row in rows]


async def open_(connection: Connection, asked: Sequence[Review], at: datetime) -> set[str]:
    """Open these reviews; the ids of those that were not open before. What was answered stays answered, unless the
    evidence turned against it; what was put off comes back when its weight is another.
    """
    if not asked:
        return set()
    rows = await connection.fetch(
        """insert into dedup.review as r (review_id, state, weight, groups, reason, benefit, opened_at, changed_at)
           select u.id, 'open', u.weight, u.groups, u.reason, u.benefit, $6, $6
           from unnest($1::uuid[], $2::int[], $3::bytea[], $4::text[], $5::int[]) u(id, weight, groups, reason, benefit)
           on conflict (review_id) do update set weight = excluded.weight, groups = excluded.groups,
               benefit = excluded.benefit, reason = excluded.reason, changed_at = excluded.changed_at,
               state = 'open', due_at = null
               where r.state = 'closed' or (r.state = 'decided' and excluded.reason = 'changed')
                  or (r.state in ('open', 'later') and (r.weight, r.reason, r.groups)
                      is distinct from (excluded.weight, excluded.reason, excluded.groups))
           returning review_id::text, (select b.state from dedup.review b where b.review_id = r.review_id)""",
        [one.review_id for one in asked],
        [one.weight for one in asked],
        [_ENCODER.encode(one.groups) for one in asked],
        [one.reason for one in asked],
        [one.benefit for one in asked],
        at,
    )
    opened = {row[0] for row in rows if row[1] != "open"}
    named = sorted((record, one.review_id) for one in asked if one.review_id in opened for record in one.records)
    await connection.execute(
        """insert into dedup.review_record (record_id, review_id)
           select * from unnest($1::text::uuid[], $2::text::uuid[]) on conflict do nothing""",
        ids(record for record, _ in named),
        ids(review for _, review in named),
    )
    return opened


async def close(connection: Connection, review_ids: Collection[str]) -> None:
    """These are no question any more."""
    if review_ids:
        await connection.execute(
            """update dedup.review set state = 'closed', changed_at = now()
               where review_id = any($1::text::uuid[]) and state <> 'closed'""",
            ids(review_ids),
        )


async def settle(connection: Connection, review_id: str, verdict: Verdict, answer: str) -> None:
    """Somebody answered this review."""
    await connection.execute(
        """update dedup.review set state = 'decided', answer = $2, answer_reason = $3, decided_by = $4, changed_at = $5,
               due_at = null
           where review_id = $1""",
        *(review_id, answer, verdict.reason, verdict.by, verdict.at),
    )


async def put_off(
    connection: Connection, review_ids: Collection[str], by: str, reason: str | None, at: datetime, until: datetime
) -> int:
    """Ask these again from that time on; how many were open or put off."""
    rows = await connection.fetch(
        """update dedup.review set state = 'later', answer = 'later', answer_reason = $3, decided_by = $2,
               changed_at = $4, due_at = $5
           where review_id = any($1::text::uuid[]) and state in ('open', 'later') returning review_id""",
        *(ids(review_ids), by, reason, at, until),
    )
    return len(rows)


async def come_back(connection: Connection, before: datetime, review_id: str | None = None) -> None:
    """Ask again what was put off until now, or this one whenever it is due."""
    await connection.execute(
        """update dedup.review set state = 'open', due_at = null, answer = null, answer_reason = null, decided_by = null
           where state = 'later' and (review_id = $2 or review_id in (
               select review_id from dedup.review where state = 'later' and due_at <= $1 and $2::uuid is null
               limit $3))""",
        *(before, review_id, DUE_MAX),
    )


async def assign(connection: Connection, review_ids: Collection[str], assignee: str | None) -> int:
    """These are somebody's, or nobody's, to answer; how many there are."""
    rows = await connection.fetch(
        """update dedup.review set assignee = $2
           where review_id = any($1::text::uuid[]) and state in ('open', 'later') returning review_id""",
        *(ids(review_ids), assignee),
    )
    return len(rows)


async def counts(connection: Connection) -> dict[str, int]:
    """How many reviews are in which state."""
    rows = await connection.fetch("select state, count(*) from dedup.review group by state")
    return {row[0]: row[1] for row in rows}


async def note(connection: Connection, seen: Mapping[str, Seen], review_id: str | None) -> None:
    """What these judgements rest on, and which question they answer."""
    for judgement_id, one in sorted(seen.items()):
        await connection.execute(
            "update dedup.judgement set seen = $2, review_id = $3 where judgement_id = $1",
            *(judgement_id, _ENCODER.encode(one), review_id),
        )


async def seen(connection: Connection, judgement_ids: Collection[str]) -> dict[str, Seen]:
    """What these judgements rested on, as far as it was noted."""
    rows = await connection.fetch(
        """select judgement_id::text, seen from dedup.judgement
           where judgement_id = any($1::text::uuid[]) and seen is not null""",
        ids(judgement_ids),
    )
    return {row[0]: _SEEN.decode(row[1]) for row in rows}


async def revisions(connection: Connection, record_ids: Collection[str]) -> dict[str, int]:
    """The revisions of these records, as far as they live."""
    rows = await connection.fetch(
        """select record_id::text, revision from dedup.record
           where record_id = any($1::text::uuid[]) and contact_id is not null""",
        ids(record_ids),
    )
    return {row[0]: row[1] for row in rows}


async def answered_by(connection: Connection, judgement_id: str) -> str | None:
    """The review that this judgement answered."""
    found = await connection.fetchval(
        "select review_id::text from dedup.judgement where judgement_id = $1", judgement_id
    )
    return None if found is None else str(found)


async def answers(connection: Connection, review_ids: Collection[str]) -> dict[str, list[str]]:
    """The judgements in force that answered these reviews."""
    rows = await connection.fetch(
        """select review_id::text, judgement_id::text from dedup.judgement
           where review_id = any($1::text::uuid[]) and withdrawn_at is null order by given_at, judgement_id""",
        ids(review_ids),
    )
    found: dict[str, list[str]] = {}
    for review_id, judgement_id in rows:
        found.setdefault(review_id, []).append(judgement_id)
    return found


async def drawn(connection: Connection, rows_max: int) -> list[tuple[Pair, int]]:
    """Pairs that were merged without asking, drawn at random: of different sources' and forms' records alike, about
    which nobody said anything; each with its weight.
    """
    rows = await connection.fetch(
        """select e.a::text, e.b::text, e.weight
           from dedup.evidence e tablesample system (
               (select least(100, 100.0 * $1 * 50 / greatest(reltuples, 1)) from pg_class
                where oid = 'dedup.evidence'::regclass))
           join dedup.record x on x.record_id = e.a
           join dedup.record y on y.record_id = e.b and y.contact_id = x.contact_id
           where not exists (select from dedup.judgement_record j
                             where j.record_id = e.a or j.record_id = e.b)
           order by random() limit $1""",
        rows_max,
    )
    return [((row[0], row[1]), row[2]) for row in rows]


async def counted(connection: Connection, band_millibits: int, bands: tuple[int, int]) -> list[Counted]:
    """Pairs by band of evidence, by whether they are one contact, and by source (None: all together); of large tables a
    sample, counted up.
    """
    rows = await connection.fetch(
        """with share as materialized (
               select least(100, 100.0 * $4 / greatest(reltuples, 1)) as percent
               from pg_class where oid = 'dedup.evidence'::regclass),
           pair as materialized (
               select greatest($2, least($3, floor(e.weight / $1::float8)::int)) as band,
                      x.contact_id = y.contact_id as merged, x.source as one, y.source as other
               from dedup.evidence e tablesample system ((select percent from share)) repeatable (1)
               join dedup.record x on x.record_id = e.a
               join dedup.record y on y.record_id = e.b
               where e.veto is null)
           select band, merged, source, round(count(*) * 100 / (select percent from share))::bigint
           from (select band, merged, one as source from pair
                 union all select band, merged, other from pair where other <> one
                 union all select band, merged, null from pair) s
           group by band, merged, source order by source nulls first, band, merged""",
        *(band_millibits, *bands, PAIRS_SAMPLED),
    )
    return [Counted(row[0], row[1], row[2], row[3]) for row in rows]


async def observed(connection: Connection) -> list[Observed]:
    """What people said of questions they were asked: with the evidence they saw, the week, and the sources of both."""
    rows = await connection.fetch(
        """select j.same, j.seen, v.reason, to_char(j.given_at at time zone 'UTC', 'IYYY-"W"IW'), x.source, y.source
           from dedup.judgement j
           join dedup.review v using (review_id)
           left join dedup.record x on x.record_id = j.left_records[1]
           left join dedup.record y on y.record_id = j.right_records[1]
           where j.withdrawn_at is null and j.seen is not null""",
    )
    return [_observed(row) for row in rows]


def _observed(row: Any) -> Observed:
    weight = _SEEN.decode(row[1]).weight
    sources = frozenset(source for source in (row[4], row[5]) if source is not None)
    return Observed(row[0], weight, row[2], row[3], sources)


def _review(row: Any) -> Review:
    return Review(row[0], row[1], row[2], _GROUPS.decode(row[3]), *row[4:])
