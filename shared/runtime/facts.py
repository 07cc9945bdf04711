"""Facts: what outside services say, kept under the question asked, so that one answer serves every contact.

A stage joins the facts there are, forwards at once, and notes which contact waits for which answer with the revision
it has seen. It is woken by comparison: whoever waits with an older revision than the fact's is to be said again. So an
answer that arrives between the stage's look and its note is not lost (interleaving 14), and nobody is told twice.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from shared.domain.ids import derived_id
from shared.runtime.arrays import ids, numbers, texts, times
from shared.runtime.clock import Clock
from shared.runtime.database import Connection, Database
from shared.runtime.refreshing import Reason, ask
from shared.runtime.world import Chore

RECENT: Final = timedelta(minutes=10)
"""Facts that changed within this are compared at every look. A transaction that noted a waiter with an older revision
has ended by then: a statement may take half a minute."""

ALL_EVERY: Final = timedelta(hours=1)
"""How often all waiters are compared, whatever the clocks of the machines say; also at every start."""

WOKEN_MAX: Final = 500
"""Contacts of one transaction."""

ASKED_AGAIN_MAX: Final = 500
"""Expired facts that become questions in one transaction."""

KEPT_AFTER: Final = timedelta(days=30)
"""A fact that has expired and that nobody waits for is forgotten after this."""

EVERY_S: Final = 0.5
"""How often an idle process compares: an answer of an outside service is late anyway."""

_JSON: Final = msgspec.json.Decoder()


class Question(NamedTuple):
    """What is asked: the kind ("mail-exchangers", or the name of a provider) and about whom or what.

    The subject may be personal (a mail address): it stands in no log, no metric and no text of an exception.
    """

    kind: str
    subject: str

    def __repr__(self) -> str:
        return f"Question({self.kind})"


class Fact(msgspec.Struct, frozen=True):
    """An answer: any JSON value, None where there is nothing; from when it is, until when it holds.

    `revision` counts from 1 and moves when the answer changes; the same answer again only lives longer.
    """

    question: Question
    answer: Any
    provider: str
    at: datetime
    expires_at: datetime
    revision: int

    def __repr__(self) -> str:
        return f"Fact({self.question!r}, revision={self.revision})"


class Waiter(NamedTuple):
    """A contact, at a version, that an answer may change; `revision` is the one it has seen, 0 for none."""

    contact_id: str
    version: int
    question: Question
    revision: int


class Claimed(NamedTuple):
    """A question that is ours to ask until the lease ends; `epoch` proves it. `attempts` that failed before."""

    question: Question
    epoch: int
    attempts: int


class Facts:
    """The facts of one service."""

    def __init__(self, database: Database, service: str) -> None:
        self._database = database
        self._service = service

    async def known(self, connection: Connection, questions: Collection[Question]) -> dict[Question, Fact]:
        """The facts there are, expired ones too: an old answer stands until there is a new one."""
        if not questions:
            return {}
        asked = sorted(questions)
        rows = await connection.fetch(
            """SELECT f.kind, f.subject, f.answer, f.provider, f.at, f.expires_at, f.revision
               FROM unnest($2::text::text[], $3::text::text[]) q (kind, subject)
               JOIN runtime.fact f ON f.service = $1 AND f.kind = q.kind AND f.subject = q.subject""",
            self._service,
            texts(one.kind for one in asked),
            texts(one.subject for one in asked),
        )
        return {fact.question: fact for fact in map(_fact, rows)}

    async def wait(self, connection: Connection, waiters: Sequence[Waiter], now: datetime) -> None:
        """Note who waits for what, and open the questions that no fresh fact answers.

        What an older version of the contact waited for is forgotten; an older version itself changes nothing
        (interleaving 15). A version that comes again has seen what it saw first: those behind us took it then, and take
        it once, so what it knows by now reaches them only with the next version.
        """
        if not waiters:
            return
        rows = sorted({(one.contact_id, one.question): one for one in waiters}.values())
        await connection.execute(
            """WITH came AS MATERIALIZED (
                 SELECT * FROM unnest($2::text::uuid[], $3::text::bigint[], $4::text::text[], $5::text::text[],
                                      $6::text::int[]) one (contact_id, version, kind, subject, revision)),
               older AS (
                 DELETE FROM runtime.waiter w
                 WHERE w.service = $1 AND w.contact_id = ANY($2::text::uuid[])
                   AND w.version < (SELECT max(version) FROM came WHERE came.contact_id = w.contact_id)
                   AND NOT EXISTS (SELECT FROM came WHERE came.contact_id = w.contact_id AND came.kind = w.kind
                                     AND came.subject = w.subject)),
               asked AS (
                 INSERT INTO runtime.question (service, kind, subject, due_at)
                 SELECT DISTINCT $1, came.kind, came.subject, $7::timestamptz FROM came
                 WHERE NOT EXISTS (SELECT FROM runtime.fact f
                                   WHERE f.service = $1 AND f.kind = came.kind AND f.subject = came.subject
                                     AND f.expires_at > $7)
                 ORDER BY came.kind, came.subject
                 ON CONFLICT DO NOTHING)
               INSERT INTO runtime.waiter AS w (service, contact_id, kind, subject, version, revision)
               SELECT $1, contact_id, kind, subject, version, revision FROM came ORDER BY contact_id, kind, subject
               ON CONFLICT (service, contact_id, kind, subject) DO UPDATE
                 SET version = excluded.version,
                     revision = CASE WHEN w.version = excluded.version THEN least(w.revision, excluded.revision)
                                     ELSE excluded.revision END
                 WHERE excluded.version >= w.version""",
            self._service,
            ids(one.contact_id for one in rows),
            numbers(one.version for one in rows),
            texts(one.question.kind for one in rows),
            texts(one.question.subject for one in rows),
            numbers(one.revision for one in rows),
            now,
        )

    async def forget(self, connection: Connection, versions: Mapping[str, int]) -> None:
        """These contacts went at these versions: what they waited for at an earlier one is nobody's any more."""
        if versions:
            await connection.execute(
                """DELETE FROM runtime.waiter w
                   USING unnest($2::text::uuid[], $3::text::bigint[]) g (contact_id, version)
                   WHERE w.service = $1 AND w.contact_id = g.contact_id AND w.version <= g.version""",
                self._service,
                ids(versions),
                numbers(versions.values()),
            )

    async def erase(self, connection: Connection, contact_ids: Collection[str]) -> None:
        """Forget what was learned for these contacts and for nobody else: a question may hold an address of theirs."""
        if contact_ids:
            await connection.execute(
                """WITH mine AS (
                     DELETE FROM runtime.waiter WHERE service = $1 AND contact_id = ANY($2::text::uuid[])
                     RETURNING contact_id, kind, subject),
                   alone AS (
                     SELECT DISTINCT kind, subject FROM mine
                     WHERE NOT EXISTS (SELECT FROM runtime.waiter w
                                       WHERE w.service = $1 AND w.kind = mine.kind AND w.subject = mine.subject
                                         AND w.contact_id <> ALL($2::text::uuid[]))),
                   questions AS (
                     DELETE FROM runtime.question q USING alone
                     WHERE q.service = $1 AND q.kind = alone.kind AND q.subject = alone.subject)
                   DELETE FROM runtime.fact f USING alone
                   WHERE f.service = $1 AND f.kind = alone.kind AND f.subject = alone.subject""",
                self._service,
                ids(contact_ids),
            )

    async def claim(
        self, worker: str, now: datetime, limit: int, lease_s: float, kinds: Sequence[str]
    ) -> list[Claimed]:
        """Lease up to `limit` questions of these kinds that are due, the oldest first; nobody else gets them meanwhile.

        A question that has been answered since it was opened is closed instead.
        """
        rows = await self._database.fetch(
            """WITH due AS (
                 SELECT q.kind, q.subject FROM runtime.question q
                 WHERE q.service = $1 AND q.kind = ANY($5::text::text[]) AND q.due_at <= $2
                   AND (q.leased_until IS NULL OR q.leased_until <= $2)
                 ORDER BY q.due_at, q.subject LIMIT $3 FOR UPDATE SKIP LOCKED),
               answered AS (
                 DELETE FROM runtime.question q USING due, runtime.fact f
                 WHERE q.service = $1 AND q.kind = due.kind AND q.subject = due.subject
                   AND f.service = $1 AND f.kind = due.kind AND f.subject = due.subject AND f.expires_at > $2
                 RETURNING q.kind, q.subject)
               UPDATE runtime.question q SET leased_until = $4, leased_by = $6, epoch = q.epoch + 1 FROM due
               WHERE q.service = $1 AND q.kind = due.kind AND q.subject = due.subject
                 AND NOT EXISTS (SELECT FROM runtime.fact f WHERE f.service = $1 AND f.kind = due.kind
                                   AND f.subject = due.subject AND f.expires_at > $2)
               RETURNING q.kind, q.subject, q.epoch, q.attempts""",
            self._service,
            now,
            limit,
            now + timedelta(seconds=lease_s),
            texts(kinds),
            worker,
        )
        return [Claimed(Question(row["kind"], row["subject"]), row["epoch"], row["attempts"]) for row in rows]

    async def answer(
        self, claimed: Claimed, answer: Any, expires_at: datetime, now: datetime, provider: str | None = None
    ) -> None:
        """Write an answer down and close its question. One that comes after the lease counts if none is newer."""
        question = claimed.question
        fact = Fact(question, answer, provider or question.kind, now, expires_at, 0)
        async with self._database.transaction() as connection:
            await self.answered(connection, [fact])
            await connection.execute(
                "DELETE FROM runtime.question WHERE service = $1 AND kind = $2 AND subject = $3",
                self._service,
                question.kind,
                question.subject,
            )

    async def answered(self, connection: Connection, facts: Sequence[Fact]) -> None:
        """Write down what was learned, without a question too; the revision moves only where an answer changed."""
        latest = {one.question: one for one in sorted(facts, key=lambda one: one.at)}
        rows = [latest[question] for question in sorted(latest)]
        await connection.execute(
            """INSERT INTO runtime.fact AS f (service, kind, subject, answer, provider, at, expires_at, revision,
                                              changed_at)
               SELECT $1, kind, subject, answer, provider, at, expires_at, 1, at
               FROM unnest($2::text::text[], $3::text::text[], $4::text::text[], $5::text::text[],
                           $6::text::timestamptz[], $7::text::timestamptz[])
                    one (kind, subject, answer, provider, at, expires_at)
               ON CONFLICT (service, kind, subject) DO UPDATE
                 SET answer = excluded.answer, provider = excluded.provider, at = excluded.at,
                     expires_at = excluded.expires_at,
                     revision = f.revision + (f.answer IS DISTINCT FROM excluded.answer)::int,
                     changed_at = CASE WHEN f.answer IS DISTINCT FROM excluded.answer THEN excluded.at
                                       ELSE f.changed_at END
                 WHERE excluded.at >= f.at""",
            self._service,
            texts(one.question.kind for one in rows),
            texts(one.question.subject for one in rows),
            texts(None if one.answer is None else _text(one.answer) for one in rows),
            texts(one.provider for one in rows),
            times(one.at for one in rows),
            times(one.expires_at for one in rows),
        )

    async def fail(self, claimed: Claimed, retry_at: datetime) -> None:
        """Nothing was learned: a silence is no answer. The question is due again then, unless its lease was lost."""
        await self._database.execute(
            """UPDATE runtime.question SET due_at = $5, leased_until = NULL, leased_by = NULL, attempts = attempts + 1
               WHERE service = $1 AND kind = $2 AND subject = $3 AND epoch = $4""",
            self._service,
            claimed.question.kind,
            claimed.question.subject,
            claimed.epoch,
            retry_at,
        )

    async def wake(self, now: datetime, since: datetime | None) -> int:
        """Have contacts said again whose fact is newer than what they saw, and return how many.

        Of facts that changed since a time, or of all. A woken contact waits no more: the stage that sees it again
        notes it anew, with the revision it then sees.
        """
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                """WITH late AS (
                     SELECT w.contact_id, w.kind, w.subject, f.revision FROM runtime.fact f
                     JOIN runtime.waiter w ON w.service = f.service AND w.kind = f.kind AND w.subject = f.subject
                     WHERE f.service = $1 AND ($2::timestamptz IS NULL OR f.changed_at >= $2)
                       AND f.revision > w.revision
                     LIMIT $3 FOR UPDATE OF w SKIP LOCKED)
                   DELETE FROM runtime.waiter w USING late
                   WHERE w.service = $1 AND w.contact_id = late.contact_id AND w.kind = late.kind
                     AND w.subject = late.subject
                   RETURNING w.contact_id::text AS contact_id, w.kind, w.subject, late.revision""",
                self._service,
                since,
                WOKEN_MAX,
            )
            reasons = {row["contact_id"]: _reason(row) for row in rows}
            await ask(connection, self._service, reasons, now)
        return len(rows)

    async def ask_again(self, now: datetime) -> int:
        """Open questions for facts that have expired while somebody waits for them; returns how many."""
        rows = await self._database.fetch(
            """INSERT INTO runtime.question (service, kind, subject, due_at)
               SELECT service, kind, subject, $2 FROM runtime.fact f
               WHERE service = $1 AND expires_at <= $2
                 AND EXISTS (SELECT FROM runtime.waiter w
                             WHERE w.service = f.service AND w.kind = f.kind AND w.subject = f.subject)
                 AND NOT EXISTS (SELECT FROM runtime.question q
                                 WHERE q.service = f.service AND q.kind = f.kind AND q.subject = f.subject)
               ORDER BY kind, subject LIMIT $3
               ON CONFLICT DO NOTHING RETURNING 1""",
            self._service,
            now,
            ASKED_AGAIN_MAX,
        )
        return len(rows)

    async def forget_old(self, now: datetime) -> None:
        """Delete facts that expired long ago and that nobody waits for."""
        await self._database.execute(
            """DELETE FROM runtime.fact f WHERE service = $1 AND expires_at < $2
                 AND NOT EXISTS (SELECT FROM runtime.waiter w
                                 WHERE w.service = f.service AND w.kind = f.kind AND w.subject = f.subject)""",
            self._service,
            now - KEPT_AFTER,
        )

    async def due(self, now: datetime, kinds: Sequence[str] | None = None) -> int:
        """How many questions, of all kinds or of these, could be asked now: what waits for a later hour, or is being
        asked, does not count.
        """
        rows = await self._database.fetch(
            """SELECT count(*) AS n FROM runtime.question WHERE service = $1 AND due_at <= $2
                 AND (leased_until IS NULL OR leased_until <= $2) AND ($3::text[] IS NULL OR kind = ANY($3))""",
            self._service,
            now,
            None if kinds is None else list(kinds),
        )
        return int(rows[0]["n"])


def waking(facts: Facts, clock: Clock) -> Chore:
    """The chore that wakes who waits, asks again what has expired, and forgets what nobody needs."""
    compared_all_at: datetime | None = None

    async def run() -> None:
        nonlocal compared_all_at
        now = clock.now()
        everything = compared_all_at is None or now - compared_all_at >= ALL_EVERY
        while await facts.wake(now, None if everything else now - RECENT) == WOKEN_MAX:
            pass
        while await facts.ask_again(now) == ASKED_AGAIN_MAX:
            pass
        if everything:
            await facts.forget_old(now)
            compared_all_at = now

    return Chore(name="facts", every_s=EVERY_S, run=run)


def _fact(row: Any) -> Fact:
    return Fact(
        Question(row["kind"], row["subject"]),
        None if row["answer"] is None else _JSON.decode(row["answer"]),
        row["provider"],
        row["at"],
        row["expires_at"],
        row["revision"],
    )


def _reason(row: Any) -> Reason:
    """One id for this contact and this answer, from which nobody learns what was asked."""
    activation = derived_id(row["contact_id"], row["kind"], row["subject"], str(row["revision"]))
    return Reason(activation, row["kind"], "fact")


def _text(answer: Any) -> str:
    return msgspec.json.encode(answer, order="deterministic").decode()
