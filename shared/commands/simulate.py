"""`simulate`: a vendor's web hooks without an account: what it would send, as it would send it."""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import aiohttp

from shared.commands.proofs import Body
from shared.commands.running import Failed, Running, WrongUsage, print_json
from shared.commands.simulating_api import played
from shared.commands.vendors import VENDORS, Vendor
from shared.commands.vendors_answers import ANSWERS
from shared.commands.vendors_people import people
from shared.domain.configuration import Source
from shared.runtime.configuration import Misconfigured, load
from shared.runtime.settings import Settings

AT_ONCE: Final = 4
"""Requests in flight: vendors send each delivery by itself, a few at a time."""

TIMEOUT_S: Final = 10.0
"""What the most patient of the quick ones (Tally) waits for an answer."""

FASTER: Final = 600.0
"""Retries are this many times faster than the vendor's: five minutes take half a second."""

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Posts a body to a path and says the status of the answer, 0 where none came."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent. The shares (0 to 1) are of all deliveries: sent twice, and sent once more by a forger."""

    people: int = 10
    rate: float | None = None
    duplicates: float = 0.0
    bad_signatures: float = 0.0
    out_of_order: bool = False
    retries: bool = False
    seed: int = 1


class Delivery(NamedTuple):
    """One request to come."""

    body: Body
    forged: bool


class Target(NamedTuple):
    """The source that is sent to: its name, its secret, and the address that a vendor was told (HubSpot signs it)."""

    source: str
    secret: str
    url: str


async def run(
    running: Running, vendor: str, source: str | None, plan: Plan, *, api: int | None = None, as_json: bool
) -> None:
    """Send a vendor's web hooks to a running system, and say how they were answered. With `api` the API that they
    point to is played at this port until nobody asks any more.
    """
    if vendor not in VENDORS:
        raise WrongUsage(f"there is no vendor {vendor!r}; there are {', '.join(sorted(VENDORS))}")
    address, sources = running.http(), _sources()
    target = target_of(vendor, source, sources, address)
    name = secrets.token_hex(4)
    if api is None:
        found = await _sent(vendor, target, plan, address, name)
    else:
        check_api(vendor, target.source, sources[target.source], api)
        told = {path: said for one in people(plan.people, name) for path, said in ANSWERS[vendor](one).items()}
        async with played(told, api) as vendors:
            found = await _sent(vendor, target, plan, address, name)
            found |= {"told": len(told), "asked": len(told) - await vendors.missing()}
    _show(vendor, found, as_json=as_json)
    if silent := found["answers"].get("0"):
        raise Failed(f"{address} did not answer {silent} of {found['sent']} requests")


async def _sent(vendor: str, target: Target, plan: Plan, address: str, name: str) -> dict[str, Any]:
    """Send all of a plan; what came of it."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def post(path: str, body: bytes, headers: Mapping[str, str]) -> int:
            try:
                async with session.post(address + path, data=body, headers=headers, allow_redirects=False) as answer:
                    return answer.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                return 0

        answers = await send(VENDORS[vendor], target, plan, post, name)
    told = {str(status): number for status, number in sorted(answers.items())}
    return {"source": target.source, "sent": sum(answers.values()), "answers": told}


def _show(vendor: str, found: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    told = ", ".join(f"{n} x {'no answer' if status == '0' else status}" for status, n in found["answers"].items())
    print(f"{found['sent']} requests of {vendor} to {found['source']}: {told}")
    if "asked" in found:
        print(f"{found['asked']} of {found['told']} things that they point to were asked for")


def check_api(vendor: str, name: str, source: Source, port: int) -> None:
    """Raises WrongUsage unless this source asks at this port for what the hooks of its vendor point to."""
    if vendor not in ANSWERS:
        raise WrongUsage(
            f"the web hooks of {vendor} point to no API; with --api there are {', '.join(sorted(ANSWERS))}"
        )
    if source.token is None or source.api not in (f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
        raise WrongUsage(f"sources.yaml: {name} asks there with `api: http://localhost:{port}` and any token")


def deliveries(vendor: Vendor, plan: Plan, run_name: str | None = None) -> list[Delivery]:
    """All requests of a plan in the order they are sent; the same seed and run give the same ones."""
    dice = random.Random(plan.seed)  # noqa: S311  nothing secret hangs on it
    bodies = [body for person in people(plan.people, run_name) for body in vendor.bodies(person)]
    sent = [Delivery(body, forged=False) for body in bodies]
    sent += [Delivery(body, forged=False) for body in dice.choices(bodies, k=round(len(bodies) * plan.duplicates))]
    sent += [Delivery(body, forged=True) for body in dice.choices(bodies, k=round(len(bodies) * plan.bad_signatures))]
    if plan.out_of_order:
        dice.shuffle(sent)
    return sent


async def send(
    vendor: Vendor, target: Target, plan: Plan, post: Post, run_name: str | None = None
) -> Mapping[int, int]:
    """Send all of a plan; how many requests each status answered. Retries count as requests of their own."""
    answers: Counter[int] = Counter()
    room = asyncio.Semaphore(1 if plan.rate is not None or not plan.out_of_order else AT_ONCE)
    loop = asyncio.get_running_loop()
    started = loop.time()

    async def one(number: int, delivery: Delivery) -> None:
        async with room:
            if plan.rate is not None:
                await asyncio.sleep(max(0.0, started + number / plan.rate - loop.time()))
            for pause_s in (*(vendor.pauses_s if plan.retries and not delivery.forged else ()), None):
                status = await _post(vendor, target, delivery, post)
                answers[status] += 1
                if pause_s is None or not vendor.retries(status):
                    return
                await asyncio.sleep(pause_s / FASTER)

    await asyncio.gather(*(one(number, each) for number, each in enumerate(deliveries(vendor, plan, run_name))))
    return answers


def target_of(vendor: str, source: str | None, sources: Mapping[str, Source], address: str) -> Target:
    """The source of this name, or the only one of this vendor, with its secret. Raises WrongUsage and Failed."""
    named = [source] if source else [name for name, one in sources.items() if one.connector == vendor]
    if len(named) != 1:
        raise WrongUsage(f"there are {len(named)} sources with connector {vendor}; name one with --source")
    configured = sources.get(named[0])
    if configured is None or configured.connector != vendor:
        raise WrongUsage(f"{named[0]} is no source with connector {vendor}")
    secrets_ = (configured.key,) if vendor == "form" else configured.secrets
    if not secrets_ or not secrets_[0]:
        raise Failed(f"sources.yaml names no secret for {named[0]}: nobody could send to it")
    return Target(named[0], secrets_[0], configured.public_url or f"{address}/hooks/{named[0]}")


async def _post(vendor: Vendor, target: Target, delivery: Delivery, post: Post) -> int:
    secret = _other(target.secret) if delivery.forged else target.secret
    signed = vendor.sign(delivery.body, secret, target.url, datetime.now(UTC))
    headers = {"Content-Type": delivery.body.content_type, **signed.headers}
    return await post(f"/hooks/{target.source}{signed.path}", delivery.body.body, headers)


def _other(secret: str) -> str:
    """A secret of the same shape that is not this one: one sign in its middle differs."""
    middle = len(secret) // 2
    return secret[:middle] + ("A" if secret[middle] != "A" else "B") + secret[middle + 1 :]


def _sources() -> Mapping[str, Source]:
    try:
        return load(Settings().config_dir).sources
    except Misconfigured as error:
        raise Failed(str(error)) from None
