"""The APIs that web hooks point to, played on a real socket, and a front door that asks them by a clock of ours."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from services.ingest.core.fetching import TURN
from shared.domain.configuration import Source
from shared.domain.events import InteractionReceived, RecordReceived
from shared.runtime.clock import ManualClock
from tests.integration.ingest.house import House


class VendorApi:
    """A vendor's API: what it tells by path and query, and the answers it gives instead while it is unwell."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})
        self.ill: list[tuple[int, Mapping[str, str]]] = []
        self.asked: list[tuple[str, str]] = []
        self.url = ""

    def told(self, path: str) -> Any:
        """What stands at this path, None where nothing does."""
        return self.answers.get(path, self.answers.get(path.partition("?")[0]))

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        self.asked.append((request.raw_path, request.headers.get("Authorization", "")))
        if self.ill:
            status, headers = self.ill.pop(0)
            return web.Response(status=status, headers=headers)
        found = self.told(request.raw_path)
        return web.Response(status=404) if found is None else web.json_response(found)


Api = TypeVar("Api", bound=VendorApi)


@asynccontextmanager
async def served(api: Api) -> AsyncGenerator[Api]:
    """The API on a port of its own."""
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        await runner.cleanup()


class Fetched:
    """A front door with these sources, and the worker by a clock of ours."""

    def __init__(self, house: House, sources: Mapping[str, Source]) -> None:
        self.house = house
        self.clock = house.world.clock = ManualClock(house.world.clock.now())
        house.world.configuration = msgspec.structs.replace(house.world.configuration, sources=sources)

    async def work(self, turns: int = 1, after: timedelta = TURN) -> None:
        """So many turns of the worker, so long apart."""
        for _ in range(turns):
            self.clock.advance(after.total_seconds())
            for chore in self.house.service.chores:
                if chore.name == "fetch what hooks point to":
                    await chore.run()

    async def waiting(self) -> int:
        """How many are still to be fetched."""
        (row,) = await self.house.world.database.fetch("SELECT count(*) AS n FROM ingest.fetch")
        return int(row["n"])

    def records(self) -> list[RecordReceived]:
        """What was said of persons."""
        return [one.data for one in self.house.received() if isinstance(one.data, RecordReceived)]

    def interactions(self) -> list[InteractionReceived]:
        """What was said to have happened."""
        return [one.data for one in self.house.received() if isinstance(one.data, InteractionReceived)]
