"""The experiment of late facts: contacts come in while a provider answers at random moments and every stage is killed.

What is shown: none stays unknown, since waiters are woken by comparison and not by the event, and nobody is asked twice
but for what a killed process had in its hand.
"""

import asyncio
import contextlib
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiohttp import web

from deploy.local.plan import ROOT
from shared.commands import present
from shared.commands.running import Running
from tests.bench.people import people
from tests.support.system import System, running

STAGES: Final = ("enrich", "rules", "dedup", "validate", "ingest", "backup")

PER_COMPANY: Final = 4
"""Contacts of one domain: one question each, whoever of them comes first."""

AT_ONCE: Final = 20
"""Questions that one process of enrich has in hand at most: so many may be asked again after each of its deaths."""

LEARNED_S: Final = 600.0
"""A question that timed out on a busy machine is asked again after a minute, and twice as late behind a breaker."""

QUIET_S: Final = 20.0
"""No question open and nothing due for so long: whoever still waits now waits for ever."""

PROVIDERS: Final = """\
providers:
  companies: {{asks: company_domain, url: "http://127.0.0.1:{port}/v1/companies/{{company_domain}}",
    rate: 100/s, timeout: 2s, echo: "$.domain", fills: {{company.industry: "$.industry"}}}}
"""


@dataclass(slots=True)
class Moody:
    """A provider that knows every company and says so after a while that nobody can foresee."""

    dice: random.Random
    slowest_s: float
    asked: Counter[str] = field(default_factory=Counter[str])
    port: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """The industry of one domain."""
        domain = request.match_info["domain"]
        self.asked[domain] += 1
        await asyncio.sleep(self.dice.random() * self.slowest_s)
        return web.json_response({"domain": domain, "industry": f"industry of {domain}"})


@contextlib.asynccontextmanager
async def moody(seed: int, slowest_s: float) -> AsyncGenerator[Moody]:
    """The server, on a port of its own."""
    found = Moody(random.Random(seed), slowest_s)
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left at the end: contacts without the answer that there is, and how the provider was asked."""

    contacts: int
    unknown: int
    wrong: int
    companies: int
    asked: int
    kills: Mapping[str, int]
    seconds: float


Show = Callable[[str], None]


async def late_facts(
    folder: Path, records: int, rounds: int, seed: int, *, slowest_s: float = 1.5, show: Show = lambda _: None
) -> Outcome:
    """Send `records` while each stage is killed with -9 `rounds` times in a random order; wait until all is learned."""
    dice = random.Random(seed)
    victims = list(STAGES) * rounds
    dice.shuffle(victims)
    async with moody(seed, slowest_s) as provider:
        config = folder / "config"
        shutil.copytree(ROOT / "deploy" / "config", config)
        (config / "providers.yaml").write_text(PROVIDERS.format(port=provider.port))
        settings = {
            "KONTAKTWERK_CONFIG_DIR": str(config),
            "KONTAKTWERK_ENRICH_PRIVATE_ADDRESSES": "allow",
            "KONTAKTWERK_VALIDATE_DNS": "off",
        }
        started = time.monotonic()
        async with running(folder / "data", settings=settings) as system:
            some = list(_chunks(list(_employees(records, seed)), max(1, len(victims))))
            for place, chunk in enumerate(some):
                for start in range(0, len(chunk), 100):
                    await system.post_until_accepted(chunk[start : start + 100])
                if place < len(victims):
                    await asyncio.sleep(dice.random())
                    await system.replaced(victims[place], system.kill(victims[place]))
                    show(f"{place + 1:>4} of {len(victims)} killed, {provider.asked.total():,} questions")
            await system.settled(records, seconds=300)
            contacts = await _learned(system, show)
        return Outcome(
            contacts=len(contacts),
            unknown=sum(_industry(one) is None for one in contacts),
            wrong=sum(_industry(one) not in (None, f"industry of {_domain(one)}") for one in contacts),
            companies=len({_domain(one) for one in contacts}),
            asked=provider.asked.total(),
            kills=Counter(victims),
            seconds=time.monotonic() - started,
        )


def _employees(count: int, seed: int) -> Iterator[dict[str, Any]]:
    for number, person in enumerate(people(count, duplicates=0.0, seed=seed)):
        local = re.sub(r"[^a-z0-9]+", ".", person["email"].partition("@")[0]).strip(".")
        mail = f"{local}@werk{seed}-{number // PER_COMPANY}.de"
        yield {**person, "source": "crm", "email": mail, "company": None}


def _chunks(records: Sequence[dict[str, Any]], count: int) -> Iterator[Sequence[dict[str, Any]]]:
    size = -(-len(records) // count)
    for start in range(0, len(records), size):
        yield records[start : start + size]


async def _learned(system: System, show: Show) -> list[dict[str, Any]]:
    """The contacts once none is without an industry, or once nothing is under way that could still bring one."""
    until = time.monotonic() + LEARNED_S
    busy_at = time.monotonic()
    while True:
        contacts = list((await present.contacts(Running(system.data))).values())
        missing = sum(_industry(one) is None for one in contacts)
        under_way = await _under_way(system)
        show(
            f"{missing:,} of {len(contacts):,} contacts wait for an answer; {under_way:,} questions and refreshes open"
        )
        now = time.monotonic()
        busy_at = now if under_way else busy_at
        if missing == 0 or now > until or now - busy_at > QUIET_S:
            return contacts
        await asyncio.sleep(2)


async def _under_way(system: System) -> int:
    connection = await asyncpg.connect(system.endpoints()["database"])
    try:
        return int(
            await connection.fetchval(
                """SELECT (SELECT count(*) FROM runtime.question WHERE service = 'enrich')
                        + (SELECT count(*) FROM runtime.refresh_due WHERE service = 'enrich')"""
            )
        )
    finally:
        await connection.close()


def _industry(contact: Mapping[str, Any]) -> str | None:
    said: str | None = (contact.get("company") or {}).get("industry")
    return said


def _domain(contact: Mapping[str, Any]) -> str:
    mail: str = contact["emails"][0]["value"]
    return mail.partition("@")[2]
