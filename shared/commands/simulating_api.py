"""The API of a vendor whose hooks only point to it, played on this machine for as long as it is asked."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from shared.commands.running import Failed
from shared.commands.vendors_answers import Answers

IDLE_S: Final = 30.0
"""Whoever asks nothing for so long has all it wants: at Eventbrite, the slowest, there is a turn every 18 seconds, and
what was told of again meanwhile is asked for again.
"""

HOST: Final = "127.0.0.1"
"""Made-up people, but nobody else's business."""


class PlayedApi:
    """What it tells by path, with or without the query, and what it has not been asked for yet."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._left = set(answers)
        self._news = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        asked = request.raw_path
        path = asked if asked in self._answers else asked.partition("?")[0]
        if path not in self._answers:
            return web.Response(status=404)
        self._left.discard(path)
        self._news.set()
        return web.json_response(self._answers[path])

    async def missing(self) -> int:
        """How much nobody has asked for, once nobody has asked for anything for a while."""
        while True:
            self._news.clear()
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._news.wait()
            except TimeoutError:
                return len(self._left)


@asynccontextmanager
async def played(answers: Answers, port: int) -> AsyncGenerator[PlayedApi]:
    """The API at this port of this machine alone. Raises Failed where the port is taken."""
    api = PlayedApi(answers)
    app = web.Application()
    app.router.add_get("/{path:.*}", api.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError:
            raise Failed(f"port {port} is taken: name another one with --api and in sources.yaml") from None
        yield api
    finally:
        await runner.cleanup()
