"""The two halves of ingest: the door, which takes deliveries in, and the follower, which keeps their receipts.

Both read what the decision needs, decide, and do what was decided. The door answers 202 only after Kafka, or the
spool, has the events; what it writes to Postgres afterwards the follower would write too, so nothing is lost where
the door dies.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Final, NamedTuple

import msgspec

from services.ingest.core.decide import Accepted, Identified, Item, Known, Receipt, decide, foreseen, plan
from services.ingest.core.following import Note, Told, notes_of
from services.ingest.core.identity import digest, request_id_of
from services.ingest.core.limiting import Allowances
from services.ingest.settings import IngestSettings
from services.ingest.spool.outlet import Outlet
from services.ingest.store import Answer, Follower, KeyName, Store
from shared.domain.errors import Transient
from shared.domain.events import Event
from shared.domain.outcome import Forward, LetterReason, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Draft, Message
from shared.runtime.dead_letter import PREFIX
from shared.runtime.http import Fault, Problem, unavailable, unprocessable
from shared.runtime.rounds import Rounds
from shared.runtime.stage import SetAside, Settled, Taken
from shared.runtime.world import World
from shared.topology import DEAD_LETTERS, Type

AWAY_S: Final = 1.0
"""After Postgres did not answer, deliveries go on this long without asking: each would wait in vain otherwise."""

TOGETHER_MAX: Final = 500
"""Items of requests that are looked up, or remembered, in one statement: large arrays go alone."""


class Key(NamedTuple):
    """An Idempotency-Key, of one caller, and the body it came with."""

    token_id: str
    name: str
    body: bytes

    @property
    def named(self) -> KeyName:
        """By what it is known again."""
        return self.token_id, self.name


class Asked(NamedTuple):
    """What one request must know before it is decided."""

    record_ids: Sequence[str]
    event_ids: Sequence[str]
    keys: Sequence[KeyName]


class Noted(NamedTuple):
    """What one request came to, to be remembered."""

    accepted: Sequence[Accepted]
    answers: Mapping[KeyName, Answer]


class Aside(NamedTuple):
    """A vendor's delivery that nobody can read, to be set aside as it came."""

    event_id: str
    source: str
    reason: LetterReason
    detail: str
    body: bytes
    content_type: str


class Door:
    """Takes deliveries in: known before? say, then remember."""

    def __init__(self, world: World, store: Store, settings: IngestSettings, key: bytes, outlet: Outlet) -> None:
        self.key = key
        self._outlet = outlet
        self._world = world
        self._store = store
        self._settings = settings
        self._away_until = float("-inf")
        self._duplicates: Counter[str] = Counter()
        self._allowances = Allowances()
        self._asks: Rounds[Asked, tuple[Known, Mapping[KeyName, Answer]]] = Rounds(
            self._ask, lambda one: len(one.record_ids), TOGETHER_MAX, settings.database_wait_s
        )
        self._notes: Rounds[Noted, None] = Rounds(
            self._note, lambda one: len(one.accepted), TOGETHER_MAX, settings.database_wait_s
        )

    def allow(self, sources: Iterable[str]) -> None:
        """Take so much from what these sources may send, once for each time they are named. Raises Problem 429 for one
        that has sent more than its `limit`; other sources notice nothing of it.
        """
        for name, count in Counter(sources).items():
            source = self._world.configuration.sources.get(name)
            if source is None or source.limit is None:
                continue
            wait_s = self._allowances.wait_s(name, source.limit, count, self._world.clock.monotonic())
            if wait_s > 0:
                detail = f"The source {name} has sent more than its limit; nothing was taken."
                raise Problem(429, "Too many requests", detail, headers={"Retry-After": str(ceil(wait_s))})

    async def accept(self, items: Sequence[Item], trace: str | None, key: Key | None = None) -> list[Receipt]:
        """The receipts of these items, in order, after Kafka or the spool has every one of them.

        Raises Problem 422 for a key that came with another body, and 503 when neither Kafka nor the spool takes them.
        """
        now = self._world.clock.now()
        request = "" if key is None else request_id_of(key.token_id, key.name, now)
        planned = plan(items, self.key, now, request)
        known, answers = await self._known_of(planned, key)
        if key is not None and key.named in answers:
            return _again(answers[key.named], key)
        accepted = decide(planned, known, trace)
        await self._outlet.send([codec.draft(one.says) for one in accepted if one.says is not None])
        self._duplicates.update(one.source for one in accepted if one.receipt.duplicate)
        receipts = [one.receipt for one in accepted]
        await self._remember(accepted, receipts, key)
        return receipts

    async def would(self, items: Sequence[Item]) -> list[dict[str, str]]:
        """Of each item, in order, whether it would be `new`, `updated` or the `same`; nothing is taken. Raises Problem
        503 while nobody can be asked.
        """
        planned = plan(items, self.key, self._world.clock.now())
        known, _ = await self._known_of(planned, None)
        if not known.complete:
            raise unavailable("Postgres is away: nobody can say what is known.")
        return [{"would": word} for word in foreseen(planned, known)]

    async def accept_as(self, item: Item, event_id: str, trace: str | None, extensions: Mapping[str, str]) -> None:
        """Say an item under the id its delivery got when it could not be read, or that its mended form has."""
        accepted = decide(plan([item], self.key, self._world.clock.now()), Known(complete=False), trace)
        says = accepted[0].says
        assert says is not None, "with nothing known everything is news"
        event = msgspec.structs.replace(says.event, id=event_id, extensions=extensions)
        renamed = Outgoing(says.topic, says.key, event)
        await self._outlet.send([codec.draft(renamed)])

    async def say(self, drafts: Sequence[Draft]) -> None:
        """Send messages as they are. Raises Problem 503 when neither Kafka nor the spool takes them."""
        await self._outlet.send(drafts)

    async def set_aside(self, letters: Sequence[Aside]) -> list[Receipt]:
        """Set these deliveries aside, each once; the same body again within minutes gets the receipt it got then."""
        known, _ = await self._known(Asked([], [letter.event_id for letter in letters], []))
        news = {letter.event_id: letter for letter in letters if letter.event_id not in known.events}
        await self._outlet.send([self._letter(letter) for letter in news.values()])
        if news:
            written = sorted((letter.event_id, letter.source, letter.reason) for letter in news.values())
            await self._best_effort(lambda: self._remember_letters(written))
        return [Receipt(one.event_id, None, duplicate=one.event_id not in news) for one in letters]

    async def count_duplicates(self) -> None:
        """Write down what was sent again since the last time; what a killed process had not written is not counted."""
        counts, self._duplicates = self._duplicates, Counter()
        if not counts:
            return
        try:
            await self._store.count_duplicates(dict(sorted(counts.items())))
        except Transient:
            self._duplicates.update(counts)
            raise

    async def _known_of(self, planned: Sequence[Identified], key: Key | None) -> tuple[Known, Mapping[KeyName, Answer]]:
        """What Postgres knows of all that these items may be."""
        record_ids = [record_id for one in planned for record_id in one.record_ids]
        event_ids = [one.event_id for one in planned if one.event_id]
        return await self._known(Asked(record_ids, event_ids, [] if key is None else [key.named]))

    async def _known(self, asked: Asked) -> tuple[Known, Mapping[KeyName, Answer]]:
        """What Postgres knows, of this and of what others asked at the same time; with Postgres away, that nobody could
        be asked.
        """
        if self._world.clock.monotonic() < self._away_until:
            return Known(complete=False), {}
        try:
            return await self._asks.join(asked)
        except (Transient, TimeoutError):
            self._away()
            return Known(complete=False), {}

    async def _ask(self, asked: Sequence[Asked]) -> tuple[Known, Mapping[KeyName, Answer]]:
        async with asyncio.timeout(self._settings.database_wait_s):
            return await self._store.known(
                [record_id for one in asked for record_id in one.record_ids],
                [event_id for one in asked for event_id in one.event_ids],
                [key for one in asked for key in one.keys],
                self._world.clock.now(),
            )

    async def _remember(self, accepted: Sequence[Accepted], receipts: Sequence[Receipt], key: Key | None) -> None:
        if key is None and all(one.says is None for one in accepted):
            return
        answers = {} if key is None else {key.named: Answer(digest(key.body), msgspec.json.encode(receipts))}
        await self._best_effort(lambda: self._notes.join(Noted(accepted, answers)))

    async def _note(self, noted: Sequence[Noted]) -> None:
        answers: dict[KeyName, Answer] = {}
        for one in reversed(noted):
            answers |= one.answers  # the first answer to a key is the one that holds
        async with asyncio.timeout(self._settings.database_wait_s):
            accepted = [one for some in noted for one in some.accepted]
            await self._store.remember(accepted, answers, self._world.clock.now())

    async def _remember_letters(self, written: Sequence[tuple[str, str, LetterReason]]) -> None:
        async with asyncio.timeout(self._settings.database_wait_s):
            await self._store.remember_letters(written, self._world.clock.now())

    async def _best_effort(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write, unless Postgres is away: the follower writes it then."""
        if self._world.clock.monotonic() < self._away_until:
            return
        try:
            await write()
        except (Transient, TimeoutError):
            self._away()

    def _away(self) -> None:
        self._away_until = self._world.clock.monotonic() + AWAY_S

    def _letter(self, aside: Aside) -> Draft:
        headers = {
            "ce_id": aside.event_id,
            "ce_source": f"/hooks/{aside.source}",
            "content-type": aside.content_type,
            PREFIX + "reason": aside.reason.value,
            PREFIX + "stage": "ingest",
            PREFIX + "topic": f"/hooks/{aside.source}",
            PREFIX + "partition": "-1",
            PREFIX + "offset": "-1",
            PREFIX + "at": self._world.clock.now().isoformat(),
            PREFIX + "attempt": "1",
            PREFIX + "detail": aside.detail,
            PREFIX + "release": self._world.settings.release,
        }
        encoded = tuple((name, value.encode("utf-8", "replace")) for name, value in headers.items())
        return Draft(topic=DEAD_LETTERS["ingest"].name, key=aside.event_id.encode(), value=aside.body, headers=encoded)


def _again(answer: Answer, key: Key) -> list[Receipt]:
    if answer.body != digest(key.body):
        detail = "this Idempotency-Key came with other content within the last 24 hours"
        raise unprocessable([Fault("", detail)], "Idempotency-Key used before")
    receipts = msgspec.json.decode(answer.answer, type=list[Receipt])
    return [msgspec.structs.replace(receipt, duplicate=True) for receipt in receipts]


_UNREAD: Final = Event(
    id="", type=Type.RECORD_RECEIVED, source="", time=datetime.fromtimestamp(0, UTC), subject="", data=None
)
"""The follower looks at messages only: a letter may hold anything, and a snapshot need not be decoded for a receipt."""


class Follow:
    """Keeps receipts: what the log tells about accepted events, in any order, any number of times."""

    def __init__(self, follower: Follower, messages_max: int) -> None:
        self.messages_max = messages_max
        self._follower = follower

    def read(self, messages: Sequence[Message]) -> tuple[list[Taken], list[SetAside]]:
        """All messages, none decoded: what cannot be read is set aside by its own stage."""
        return [Taken(message, _UNREAD) for message in messages], []

    async def settle(self, batch: Sequence[Taken]) -> Settled:
        """Write what the batch tells; then, in statements of their own, move receipts on."""
        notes: list[Note] = []
        for one in batch:
            message = one.message
            told = Told(
                message.topic, message.partition, message.offset, message.timestamp_ms, message.key, message.value,
                message.headers,
            )  # fmt: skip
            notes += notes_of(told)
        touched = await self._follower.write(notes)
        await self._follower.settle(touched)
        return Settled([Forward()] * len(batch))

    async def acknowledged(self, batch: Sequence[Taken], settled: Settled) -> Sequence[Outgoing]:  # noqa: ARG002
        """It says nothing."""
        return ()
