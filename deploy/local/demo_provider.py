"""The demo's provider: a small server on this machine that makes its answers up, and says so in every one of them.

It stands for the services that companies buy data from: it has a key, takes its time, and knows some domains only.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

NAME: Final = "demo-companies"

ANSWERS_AFTER_S: Final = 1.0
"""Longer than a contact takes through the whole chain: every answer comes late, as most do."""

INDUSTRIES: Final = {
    "example.com": "retail",
    "example.de": "engineering",
    "example.net": "software",
    "example.org": "education",
    "harbour.example": "shipping",
    "kuestenwerk.example": "energy",
    "nordlicht.example": "theatre",
    "talblick.example": "hospitality",
}
"""Made up, for domains that belong to nobody (RFC 2606). Of others it knows nothing."""

CONFIGURATION: Final = """\
providers:
  {name}: {{asks: company_domain, url: "http://127.0.0.1:{port}/v1/companies/{{company_domain}}",
    auth: {{bearer: "{key}"}}, rate: 20/s, budget: {{day: 200}}, echo: "$.domain",
    fills: {{company.industry: "$.industry", company.status: "$.state"}}}}
"""


@dataclass(slots=True)
class DemoProvider:
    """The running server: how often it was asked about each domain."""

    key: str
    asked: Counter[str] = field(default_factory=Counter[str])
    port: int = 0

    @property
    def configuration(self) -> str:
        """The providers.yaml that names it."""
        return CONFIGURATION.format(name=NAME, port=self.port, key=self.key)

    async def answer(self, request: web.Request) -> web.Response:
        """What it knows about a domain."""
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "key"}, status=401)
        domain = request.match_info["domain"]
        self.asked[domain] += 1
        await asyncio.sleep(ANSWERS_AFTER_S)
        industry = INDUSTRIES.get(domain)
        if industry is None:
            return web.json_response({"error": "unknown", "made_up": True}, status=404)
        return web.json_response({"domain": domain, "industry": industry, "state": "active", "made_up": True})


@contextlib.asynccontextmanager
async def demo_provider() -> AsyncGenerator[DemoProvider]:
    """The server, on a port of its own, until the block ends."""
    found = DemoProvider(secrets.token_urlsafe(12))
    application = web.Application()
    application.router.add_get("/v1/companies/{domain}", found.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.port = runner.addresses[0][1]
        yield found
    finally:
        await runner.cleanup()
