"""Sending: letters again, as they came or mended. What each is, is read from the log and decided by the cores; it is
sent, acknowledged, and only then marked.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.ingest.client import Log, Owners
from services.ingest.connectors.hook import Fetch, Hook
from services.ingest.connectors.known import connector_of
from services.ingest.connectors.reading import Bad, Brought, Read, items_of, read_hook
from services.ingest.core.letters import Headers, Reread, Resend, Skip, again_of, masked
from services.ingest.core.limits import Fault
from services.ingest.core.mending import MENDS, Fix, mended, mended_headers, mended_id, wrong_in
from services.ingest.fetches.fetching import Fetching
from services.ingest.letters.store import Letters
from services.ingest.stage import Door
from services.ingest.store import Row
from shared.domain.errors import Malformed
from shared.domain.events import Event, RecordReceived
from shared.domain.outcome import LetterReason, Outgoing
from shared.runtime import codec, http
from shared.runtime.broker import Draft, Message
from shared.runtime.http import Problem, unprocessable
from shared.runtime.world import World
from shared.topology import RECEIVED

MENDABLE: Final = ("ingest", "dedup")
"""Stages that decide on what was accepted; those after it decide on contacts, and a mended contact would be a lie."""


WHOM_TIMEOUT_S: Final = 5.0
"""A dry run is a question of somebody who looks at a screen; dedup answers within milliseconds."""


class _Match(msgspec.Struct):
    contact_id: str
    outcome: str
    probability: float


class _Matches(msgspec.Struct):
    items: list[_Match]


class Asks(NamedTuple):
    """Who wants it, by which token and in which trace."""

    by: str
    trace: str | None
    bearer: str


class Still(NamedTuple):
    """What would still be wrong."""

    reason: str
    detail: str


class Sending:
    """Sends letters again."""

    def __init__(
        self, world: World, door: Door, letters: Letters, log: Log, owners: Owners, fetching: Fetching
    ) -> None:
        self._world = world
        self._door = door
        self._letters = letters
        self._log = log
        self._owners = owners
        self._fetching = fetching

    async def again(self, rows: Sequence[Row], asks: Asks, *, dry_run: bool) -> dict[str, Any]:
        """`{"replayed": n, "items": [{id, as}], "skipped": [{id, why}]}`; with `dry_run` nothing is sent."""
        items: list[dict[str, str]] = []
        skipped: list[dict[str, str]] = []
        for row in rows:
            done = await self._again(row, asks, dry_run=dry_run)
            if isinstance(done, Skip):
                skipped.append({"id": row["letter_id"], "why": done.why})
            else:
                items.append({"id": row["letter_id"], "as": done})
        return {"replayed": len(items), "items": items, "skipped": skipped}

    async def mend(self, row: Row, fix: Fix, asks: Asks, *, dry_run: bool) -> dict[str, Any]:
        """Send what the letter becomes by a fix, under an id of its own, and say what its stage decides on it.

        Mended alike twice, it is sent as one event. Raises Problem 409 for a letter that is open no more, 422 for a fix
        that does not mend it; a dry run says what would still be wrong instead.
        """
        if row["stage"] not in MENDABLE:
            detail = "After dedup nothing is mended: correct or pin the value, and replay says the contact again."
            raise Problem(409, "Not mended here", detail)
        vendor = row["stage"] == "ingest"
        if (faults := fix.faults(vendor=vendor)) != ():
            raise _unprocessable(*faults)
        message = await self._log.letter(row["topic"], row["partition"], row["offset"])
        if message is None:
            raise Problem(410, "Gone", "The log keeps this letter no longer.")
        body = mended(message.value, fix)
        if isinstance(body, Fault):
            raise _unprocessable(body)
        event_id = mended_id(row["event_id"] or row["letter_id"], body, fix)
        if row["state"] != "open" and row["mended_as"] != event_id:
            raise Problem(409, "Not open", f"This letter is {row['state']}: what became of it is in its receipt.")
        headers = tuple(mended_headers(message.headers, fix, event_id, row["event_id"]))
        draft = Draft(topic=RECEIVED.name, key=message.key, value=body, headers=headers)
        found = self._delivery(row, draft, fix) if vendor else _event(draft, message)
        answer = {"id": row["letter_id"], "event_id": event_id, "dry_run": dry_run}
        if isinstance(found, Still):
            if not dry_run:
                raise _unprocessable(Fault("", found.detail))
            return {**answer, "decides": {"outcome": "dead-letter", **found._asdict()}}
        if not dry_run:
            await self._say_mended(row, found, draft, event_id, asks)
            return {**answer, "decides": {"outcome": "received"}}
        if isinstance(found, Event):
            return {
                **answer,
                "decides": {"outcome": "decided", "type": found.type.value, **await self._whom(found, asks)},
            }
        return {**answer, "decides": {"outcome": "received", "says": [_shape(one) for one in found]}}

    async def _say_mended(
        self, row: Row, found: "Event | Sequence[Read]", draft: Draft, event_id: str, asks: Asks
    ) -> None:
        if isinstance(found, Event):
            await self._door.say([draft])
        else:
            mends = {} if row["event_id"] is None else {MENDS: row["event_id"]}
            await self._say(found, row["source"], event_id, asks, mends)
        await self._letters.mended(row, event_id, self._world.clock.now(), asks.by)

    def _delivery(self, row: Row, draft: Draft, fix: Fix) -> "Sequence[Read] | Still":
        """A vendor's delivery, read as the front door reads it."""
        read = self._read(draft.value or b"", draft.headers, row["source"] or "", fix.map)
        if isinstance(read, str):
            return Still("invalid", read)
        if any(isinstance(one, Fetch) for one in read):
            return Still(LetterReason.UNFETCHED.value, "points to the vendor's API: replay asks there again")
        good = [one for one in read if not isinstance(one, Bad | Fetch)]
        if len(good) < len(read):
            bad = next(one for one in read if isinstance(one, Bad))
            return Still(bad.reason.value, bad.detail)
        return good or Still(LetterReason.NOTHING_TO_GO_BY.value, "says nothing about a contact")

    async def _again(self, row: Row, asks: Asks, *, dry_run: bool) -> str | Skip:
        if (why := _ended(row)) is not None:
            return Skip(why)
        message = await self._log.letter(row["topic"], row["partition"], row["offset"])
        if message is None:
            return Skip("the log keeps it no longer")
        now = self._world.clock.now()
        meant = again_of(row["stage"], message.headers, row["contact_id"], row["letter_id"], now, asks.trace)
        match meant:
            case Skip():
                return meant
            case Reread(source):
                return await self._reread(row, message, source, asks, dry_run=dry_run)
            case Resend(topic, headers):
                drafts = [Draft(topic=topic, key=message.key, value=message.value, headers=tuple(headers))]
            case _:
                drafts = [codec.draft(meant)]
        if not dry_run:
            await self._door.say(drafts)
            await self._letters.replayed(row, now, asks.by)
        return "refresh" if isinstance(meant, Outgoing) else "as it came"

    async def _reread(self, row: Row, message: Message, source: str, asks: Asks, *, dry_run: bool) -> str | Skip:
        brought = self._read(message.value or b"", message.headers, source, {})
        if isinstance(brought, str):
            return Skip(brought)
        read = await self._fetching.fetched(brought, source)
        if isinstance(read, str):
            return Skip(read)
        if any(isinstance(one, Bad) for one in read):
            return Skip("still cannot be read: mend the mapping of its source first")
        if not read:
            return Skip("says nothing about a contact")
        if not dry_run:
            good = [one for one in read if not isinstance(one, Bad)]
            await self._say(good, source, row["event_id"], asks, {})
            await self._letters.replayed(row, self._world.clock.now(), asks.by)
        return "record"

    async def _whom(self, event: Event, asks: Asks) -> dict[str, Any]:
        """The contacts that dedup would join a record with or offer it for: none is a new contact, None no answer."""
        if not isinstance(event.data, RecordReceived):
            return {}
        record = {**event.data.fields, "attributes": event.data.attributes, "source": event.data.source}
        headers = [("authorization", f"Bearer {asks.bearer}"), ("content-type", "application/json")]
        try:
            async with asyncio.timeout(WHOM_TIMEOUT_S):
                found = await self._owners.ask("dedup", "/v1/matches", msgspec.json.encode(record), headers)
            items = None if found is None else msgspec.json.decode(found, type=_Matches).items
        except (Problem, TimeoutError, OSError, msgspec.MsgspecError):
            items = None
        return {"matches": items}

    def _read(self, body: bytes, headers: Headers, source: str, map_: Mapping[str, str]) -> "list[Brought | Bad] | str":
        """What a delivery says by the mapping of today, and this one over it; or why nobody can tell."""
        sources = self._world.configuration.sources
        if source not in sources:
            return "its source is no longer configured"
        configured = sources[source]
        if map_:
            configured = msgspec.structs.replace(configured, map={**configured.map, **map_})
        content_type = dict(headers).get("content-type", b"").decode("utf-8", "replace")
        hook = Hook(source=source, body=body, content_type=content_type, at=self._world.clock.now())
        return read_hook(connector_of(configured), hook, {**sources, source: configured})

    async def _say(
        self, read: Sequence[Read], source: str, event_id: str, asks: Asks, extensions: Mapping[str, str]
    ) -> None:
        """All that a delivery says: the first under this id, the others under their own."""
        first, *others = items_of(read, source, self._door.key)
        await self._door.accept_as(first, event_id, asks.trace, extensions)
        if others:
            await self._door.accept(others, asks.trace)


def _ended(row: Row) -> str | None:
    """Why a letter is not sent again, None when it may be."""
    if row["mended_as"] is not None:
        return "was mended: what it was mended to stands for it"
    if row["state"] == "dropped":
        return "was given up"
    return "was overtaken: a later version or answer made up for it" if row["state"] == "closed" else None


def _event(draft: Draft, message: Message) -> "Event | Still":
    """A message of the log, read as dedup reads it."""
    assert draft.value is not None, "a letter without value is mended by writing one"
    again = Message(
        topic=RECEIVED.name,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=message.timestamp_ms,
        key=draft.key,
        value=draft.value,
        headers=draft.headers,
    )
    try:
        event = codec.decode(again)
    except Malformed as error:
        return Still(codec.reason_of(error).value, str(error))
    wrong = wrong_in(event)
    return event if wrong is None else Still(LetterReason.INVALID.value, wrong)


def _unprocessable(*faults: Fault) -> Problem:
    return unprocessable([http.Fault(*fault) for fault in faults], "Not mended")


def _shape(read: Read) -> dict[str, Any]:
    """What one item says, without what a person said."""
    said: Any = msgspec.to_builtins(read)
    return {
        "type": type(read).__name__.lower(),
        "fields": masked(said.get("fields", {}) if isinstance(said, dict) else {}),
    }
