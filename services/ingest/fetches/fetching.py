"""Fetching: hooks are answered first; what they point to is asked of the vendor by a chore, taken in, and only then
forgotten. What cannot be fetched is set aside as the hook came, and a replay asks again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from services.ingest.connectors.hook import Fetch, Hook
from services.ingest.connectors.known import connector_of
from services.ingest.connectors.reading import Bad, Brought, Read, items_of, read_answer
from services.ingest.core.fetching import ATTEMPTS_MAX, PAGES_MAX, Refusal, pause_after, rest_after
from services.ingest.core.identity import hook_id_of
from services.ingest.fetches.client import Client
from services.ingest.fetches.store import Due, Fetches
from services.ingest.stage import Aside, Door
from shared.domain.errors import Transient
from shared.domain.outcome import LetterReason
from shared.runtime.addresses import Private
from shared.runtime.http import Problem
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore, World

LOOK_EVERY_S: Final = 1.0
"""How soon after its hook something is asked for."""

DIED: Final = Refusal("died again and again", lasting=True)
TOO_LONG: Final = Refusal("more pages than anybody waits for", lasting=True)
NOT_CONFIGURED: Final = Refusal("the source has no API any more", lasting=True)


class Fetching:
    """Asks vendors for what their hooks point to."""

    def __init__(self, world: World, door: Door, private: Private) -> None:
        self._world = world
        self._door = door
        self._fetches = Fetches(world.database)
        self._client = Client(private)
        self._log = logger("ingest")

    def chore(self) -> Chore:
        """What a process does for fetches."""
        return Chore("fetch what hooks point to", LOOK_EVERY_S, self.work)

    async def close(self) -> None:
        """Close the way out."""
        await self._client.close()

    async def noted(self, brought: Sequence[Brought | Bad], hook: Hook) -> list[Read | Bad]:
        """What a hook brings itself; what it only points to is noted for good. Raises Transient without Postgres."""
        paths = sorted({one.path for one in brought if isinstance(one, Fetch)})
        if paths:
            await self._fetches.ask(hook.source, paths, hook.body, hook.content_type, hook.at)
        return [one for one in brought if not isinstance(one, Fetch)]

    async def fetched(self, brought: Sequence[Brought | Bad], source: str) -> list[Read | Bad] | str:
        """For a replay: the same with all of it fetched now, or why it still cannot be."""
        read: list[Read | Bad] = []
        ahead, asked = list(brought), 0
        for one in ahead:  # grows by the pages that answers point to
            if not isinstance(one, Fetch):
                read.append(one)
                continue
            found = await self._get(source, one.path) if asked < PAGES_MAX else TOO_LONG
            asked += 1
            if isinstance(found, Refusal):
                return f"still cannot be fetched: {found.why}"
            ahead += found
        return read

    async def work(self) -> None:
        """Take one vendor's turn, if any is due. Raises Transient while Kafka or Postgres is away."""
        apis = {name: connector_of(one).api for name, one in self._world.configuration.sources.items()}
        turns = {name: api.turn for name, api in apis.items() if api is not None}
        if not turns:
            return
        batch = await self._fetches.take(turns, self._world.clock.now())
        for place, due in enumerate(batch):
            if not await self._one(due):
                await self._put_back(batch[place + 1 :])
                return

    async def _one(self, due: Due) -> bool:
        """Fetch one thing; False when the vendor should be left alone for now."""
        found = DIED if due.attempts > ATTEMPTS_MAX else await self._get(due.source, due.path)
        passing = found if isinstance(found, Refusal) and not found.lasting else None
        failures = await self._fetches.failures(due.source, failed=passing is not None)
        if passing is not None:
            now = self._world.clock.now()
            await self._fetches.rest(due.source, now + rest_after(failures, passing.wait))
            if due.attempts < ATTEMPTS_MAX:
                await self._fetches.put_back(due, now + pause_after(due.attempts, passing.wait), due.attempts)
                self._log.warning("cannot be fetched yet", source=due.source, error=passing.why)
                return False
        try:
            await self._take_in(due, found)
        except Problem as problem:  # the front door refuses nothing here but for Kafka's being away
            await self._put_back([due])
            raise Transient(problem.title) from None
        await self._fetches.done(due)
        return passing is None

    async def _take_in(self, due: Due, found: "list[Brought | Bad] | Refusal") -> None:
        """Say what was found, and note the page after it; what cannot be found or read leaves the hook, as it came,
        among the dead letters.
        """
        if isinstance(found, Refusal):
            await self._set_aside(due, LetterReason.UNFETCHED, found.why)
            return
        bad = next((one for one in found if isinstance(one, Bad)), None)
        if bad is not None:
            await self._set_aside(due, bad.reason, bad.detail)
            return
        pages = sorted({one.path for one in found if isinstance(one, Fetch)})
        if pages:
            await self._fetches.ask(due.source, pages, due.body, due.content_type, due.asked_at)
        read = [one for one in found if not isinstance(one, Bad | Fetch)]
        if good := items_of(read, due.source, self._door.key):
            await self._door.accept(good, None)

    async def _set_aside(self, due: Due, reason: LetterReason, detail: str) -> None:
        event_id = hook_id_of(due.source, due.body, due.asked_at)
        await self._door.set_aside([Aside(event_id, due.source, reason, detail, due.body, due.content_type)])

    async def _put_back(self, batch: Sequence[Due]) -> None:
        """These were not tried, so the try is not counted."""
        for due in batch:
            await self._fetches.put_back(
                due, self._world.clock.now() + timedelta(seconds=LOOK_EVERY_S), due.attempts - 1
            )

    async def _get(self, source: str, path: str) -> "list[Brought | Bad] | Refusal":
        sources = self._world.configuration.sources
        configured = sources.get(source)
        api = None if configured is None else connector_of(configured).api
        address = None if configured is None or api is None else configured.api or api.host
        if configured is None or api is None or address is None:
            return NOT_CONFIGURED
        headers = {"Authorization": f"{api.scheme} {configured.token}", "Accept": "application/json"}
        answer = await self._client.get(address, path, headers)
        if isinstance(answer, Refusal):
            return answer
        now = self._world.clock.now()
        hook = Hook(source=source, body=answer.body, content_type="application/json", at=now, url=path)
        return read_answer(connector_of(configured), hook, sources)
