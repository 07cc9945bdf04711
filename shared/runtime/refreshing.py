"""Refreshing: contacts that are to be said again, since something they rest on has changed.

Every reason goes through one table, so that a contact with many reasons is said once; a drip puts the requests on
`contacts.received` at a bounded rate and only while few new records wait there, so that a storm of refreshes never
delays anybody who is new (interleaving 16).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from shared.domain.contact import Cause, CauseKind
from shared.domain.events import Event, RefreshRequested
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.arrays import ids, texts
from shared.runtime.clock import Clock
from shared.runtime.database import Connection, Database
from shared.runtime.world import Chore, World
from shared.topology import CLEAN, RECEIVED, Type, step_of

EVERY_S: Final = 0.5
"""How often the drip looks; what it lets through at once is at most this part of a second's rate."""

RATE_MAX: Final = 200
"""Refreshes a second of one service: a fifth of what the chain carries, so that the new overtake the old."""

WAITING_MAX: Final = 400
"""Messages waiting for dedup above which the drip holds back: about half a second of work."""

LOOKED_S: Final = 2.0
"""How long a look at dedup's backlog counts: asking Kafka at every drip would cost more than the drip."""


CHAIN: Final = ("dedup", "validate", "enrich", "rules")
"""What a refresh passes: whichever of these is slowest is where the new would wait behind it."""

IN_CHAIN_MAX: Final = 60
"""Messages on their way through the chain above which nothing more is let through: with 400 waiting for dedup alone the
new took five times as long beside a job, on a machine busy with other things (`python -m tests.bench.revisions`)."""

DRIPPED_S: Final = 0.4
"""How long a look at the chain counts: less than a drip, so that each knows what became of the one before."""

SOME_MAX: Final = int(RATE_MAX * EVERY_S)
"""Refreshes said at once where the chain keeps up."""

SOME_MIN: Final = 10
"""Refreshes said at once where it does not: they end, however slowly, and ten more do not delay anybody."""


class Reason(NamedTuple):
    """Why a contact is to be said again.

    `activation` names what happened, for good (a fact's kind and revision, a revision of the configuration): the same
    contact for the same activation has one event id. `code` is its short name, never a personal value.
    """

    activation: str
    code: str
    kind: CauseKind = "refresh"


async def ask(connection: Connection, service: str, reasons: Mapping[str, Reason], now: datetime) -> None:
    """Have these contacts said again, inside the caller's transaction; a contact that waits already gets one reason
    more.
    """
    if not reasons:
        return
    contact_ids = sorted(reasons)
    await connection.execute(
        """INSERT INTO runtime.refresh_due AS d (service, contact_id, activation, reasons, cause_kind, since)
           SELECT $1, contact_id, activation, ARRAY[code], kind, $6
           FROM unnest($2::text::uuid[], $3::text::text[], $4::text::text[], $5::text::text[])
                one (contact_id, activation, code, kind)
           ON CONFLICT (service, contact_id) DO UPDATE
             SET activation = excluded.activation, cause_kind = excluded.cause_kind,
                 reasons = d.reasons || CASE WHEN d.reasons @> excluded.reasons THEN '{}' ELSE excluded.reasons END""",
        service,
        ids(contact_ids),
        texts(reasons[one].activation for one in contact_ids),
        texts(reasons[one].code for one in contact_ids),
        texts(reasons[one].kind for one in contact_ids),
        now,
    )


async def due(database: Database, service: str) -> int:
    """How many contacts wait to be said again."""
    rows = await database.fetch("SELECT count(*) AS n FROM runtime.refresh_due WHERE service = $1", service)
    return int(rows[0]["n"])


class Calm:
    """Whether few messages wait for these stages, so that what is not new may have its turn."""

    def __init__(
        self,
        world: World,
        stages: Sequence[str] = ("dedup",),
        waiting_max: int = WAITING_MAX,
        looked_s: float = LOOKED_S,
    ) -> None:
        self._world = world
        self._stages = stages
        self._waiting_max = waiting_max
        self._looked_s = looked_s
        self._seen_at = float("-inf")
        self._waiting = 0

    async def holds(self) -> bool:
        """True while it is calm, by a look that is at most some seconds old. Raises Transient while Kafka is away."""
        clock: Clock = self._world.clock
        if clock.monotonic() - self._seen_at > self._looked_s:
            self._waiting = 0
            for stage in self._stages:
                topics = [topic.name for topic in step_of(stage).consumes if topic is not CLEAN]
                backlog = await self._world.admin.backlog(stage, topics)
                self._waiting += sum(one.messages for one in backlog.values())
            self._seen_at = clock.monotonic()
        return self._waiting <= self._waiting_max

    def disturb(self, messages: int) -> None:
        """So many more messages wait now: they count until the next look."""
        self._waiting += messages


class Drip:
    """Lets refreshes of one service through, behind what is new."""

    def __init__(self, world: World, service: str) -> None:
        self._world = world
        self._service = service
        self._calm = Calm(world, CHAIN, IN_CHAIN_MAX, DRIPPED_S)
        self._most = SOME_MAX

    async def run(self) -> None:
        """Say what may be said now: less each time that the chain has not carried the last away, more when it has.

        Raises Transient while Kafka or Postgres is away: the rows stay.
        """
        if not await self._world.database.fetch(
            "SELECT FROM runtime.refresh_due WHERE service = $1 LIMIT 1", self._service
        ):
            return
        if await self._calm.holds():
            self._calm.disturb(await self._some(self._most))
            self._most = min(SOME_MAX, self._most * 2)
        else:
            self._most = max(SOME_MIN, self._most // 2)

    async def _some(self, most: int) -> int:
        """Say the oldest, then forget them: a process that dies in between says them again, under the same ids."""
        async with self._world.database.transaction() as connection:
            rows = await connection.fetch(
                """SELECT contact_id::text AS contact_id, activation, reasons, cause_kind FROM runtime.refresh_due
                   WHERE service = $1 ORDER BY since LIMIT $2 FOR UPDATE SKIP LOCKED""",
                self._service,
                most,
            )
            if not rows:
                return 0
            now = self._world.clock.now()
            says = [request(self._service, row["contact_id"], row["activation"], row["reasons"], row["cause_kind"], now)
                    for row in rows]  # fmt: skip
            await self._world.producer.send([codec.draft(one) for one in says])
            await connection.execute(
                "DELETE FROM runtime.refresh_due WHERE service = $1 AND contact_id = ANY($2::text::uuid[])",
                self._service,
                ids(row["contact_id"] for row in rows),
            )
        return len(rows)


def dripping(world: World, service: str) -> Chore:
    """The chore that lets refreshes through."""
    return Chore(name="refreshes", every_s=EVERY_S, run=Drip(world, service).run)


def request(
    service: str, contact_id: str, activation: str, reasons: list[str], kind: CauseKind, now: datetime
) -> Outgoing:
    """Ask dedup to say a contact again; the same contact and activation ask under the same id."""
    return Outgoing(
        RECEIVED,
        contact_id,
        Event(
            id=derived_id(Type.REFRESH_REQUESTED, service, contact_id, activation),
            type=Type.REFRESH_REQUESTED,
            source=f"/kontaktwerk/{service}",
            time=now,
            subject=contact_id,
            data=RefreshRequested(
                contact_id=contact_id, cause=Cause(kind=kind, id=activation, source=" ".join(reasons))
            ),
        ),
    )
