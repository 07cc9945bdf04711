"""A provider on this machine that does what it is told: answers, is slow, lies, or is gone."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from services.enrich.core.asking import Asked, asked_of
from shared.domain.configuration import Auth, Budget, Provider

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def well(request: web.Request) -> web.StreamResponse:
    """The industry of any domain; nothing of those that begin with `no`."""
    domain = request.match_info["subject"]
    if domain.startswith("no"):
        return web.json_response({"error": "unknown"}, status=404)
    return web.json_response({"domain": domain, "industry": f"industry of {domain}"})


async def down(request: web.Request) -> web.StreamResponse:
    """Out of order."""
    return web.Response(status=500)


async def slow(request: web.Request) -> web.StreamResponse:
    """Never ends."""
    await asyncio.Event().wait()
    return web.Response()


async def lying(request: web.Request) -> web.StreamResponse:
    """JSON of the right shape, about somebody else."""
    return web.json_response({"domain": f"not-{request.match_info['subject']}", "industry": "banking"})


@dataclass(slots=True)
class Playing:
    """The running server: what it does now, and how often it was asked for what."""

    answers: Answers = well
    asked: Counter[str] = field(default_factory=Counter[str])
    keys: list[str] = field(default_factory=list[str])
    port: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One question."""
        self.reached.set()
        self.asked[request.match_info["subject"]] += 1
        self.keys.append(request.headers.get("Authorization", ""))
        return await self.answers(request)

    def provider(
        self, *, host: str = "127.0.0.1", rate: str = "100/s", day: int | None = None, timeout: str = "5s"
    ) -> Asked:
        """The server as a provider named companies."""
        return asked_of(
            {
                "companies": Provider(
                    asks="company_domain",
                    url=f"http://{host}:{self.port}/v1/{{company_domain}}",
                    auth=Auth(bearer="k"),
                    rate=rate,
                    budget=Budget(day=day),
                    timeout=timeout,
                    fills={"company.industry": "$.industry"},
                    echo="$.domain",
                )
            },
            plain_http=True,
        )[0]


@contextlib.asynccontextmanager
async def playing() -> AsyncGenerator[Playing]:
    """A running provider."""
    found = Playing()
    application = web.Application()
    application.router.add_route("*", "/v1/{subject}", found.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()
