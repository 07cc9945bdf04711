"""How fast the queue of reviews answers: `python -m tests.bench.reviews [--open 10000]`.

On a real Postgres: records of people who come twice are decided with `merge=never`, so that every pair is a question,
and the questions multiplied. Then the queue is asked over HTTP (without a network) as a reviewer does: pages with both
sides, evidence and the contact that would result; further pages; one review; the estimate of quality.
"""

import argparse
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx
import uvloop

from services.dedup.reviews import api
from services.dedup.reviews.desk import Desk
from services.dedup.settings import DedupSettings
from shared.runtime.access import Access, Role, create_token
from shared.runtime.database import Database
from shared.runtime.http import application
from shared.runtime.migrations import migrate
from tests.bench.dedup import event
from tests.bench.people import people
from tests.integration.dedup.town import Town, taken
from tests.support.stack import create_database, drop_database, running_stack

ASKED: Final = 40
"""Requests of each kind: the slowest of them is the 97th of a hundred."""

REAL: Final = 1_000
"""Reviews that are decided from records; the others ask about the same records again, since a page reads only its own:
what grows with the queue is the index."""

WARM: Final = 3
"""Requests before the clock starts: they prepare statements."""

LIMIT_MS: Final = 50
"""What an answer of the queue may take (issue: matching)."""


async def fill(town: Town, reviews: int) -> int:
    """Decide people of whom each comes twice until REAL reviews are open, and multiply these; how many are open."""
    real = min(reviews, REAL)
    batch = DedupSettings().batch_messages_max
    open_ = 0
    said: list[dict[str, Any]] = []
    for place, one in enumerate(people(real * 2, duplicates=0, seed=1)):
        said += [one, {**one, "source_record_id": f"{one['source_record_id']} again"}]
        if len(said) >= batch:
            some = [taken(event(record, place)) for record in said]
            await town.stage.acknowledged(some, await town.stage.settle(some))
            said = []
            open_ = await count(town)
        if open_ >= real:
            break
    await town.database.execute(
        """insert into dedup.review (review_id, state, weight, groups, opened_at, changed_at, reason, benefit)
           select gen_random_uuid(), state, weight, groups, opened_at, changed_at, reason,
                  (benefit * (0.5 + random() / 2))::int
           from dedup.review, generate_series(1, $1) limit $2""",
        reviews // max(open_, 1) + 1,
        max(0, reviews - open_),
    )
    await town.database.execute(
        "analyze dedup.review, dedup.review_record, dedup.record, dedup.evidence, dedup.contact"
    )
    return await count(town)


async def count(town: Town) -> int:
    """How many reviews are open."""
    return int((await town.database.fetch("select count(*) from dedup.review where state = 'open'"))[0][0])


async def timed(name: str, ask: Callable[[], Awaitable[httpx.Response]]) -> bool:
    """Ask again and again; print what it took, and what of it the processor (without Postgres). True when all keep the
    limit but one in twenty.
    """
    waits: list[float] = []
    cpu = 0.0
    for place in range(WARM + ASKED):
        begun, used = time.perf_counter(), time.process_time()
        answer = await ask()
        if place >= WARM:
            cpu += (time.process_time() - used) * 1_000 / ASKED
            waits.append((time.perf_counter() - begun) * 1_000)
        assert answer.status_code == 200, answer.text
    waits.sort()
    late = waits[int(len(waits) * 0.95) - 1]
    print(f"{name:<28} p50 {waits[len(waits) // 2]:>6.1f} ms   p95 {late:>6.1f} ms   CPU {cpu:>6.1f} ms")
    return late < LIMIT_MS


async def bench(url: str, reviews: int) -> bool:
    """Fill, ask, print; True when the queue keeps its limit."""
    await migrate(url)
    database = Database(url, connections_max=4)
    await database.open()
    try:
        town = Town(database, merge="never")
        open_ = await fill(town, reviews)
        token = await create_token(database, Role.STEWARD, "bench")
        access = {"access": Access(database, town.world.clock), "world": town.world}
        app = application("dedup", [api.router(Desk(town.world, town.identity))], access)
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers) as client:
            return await _ask(client, open_)
    finally:
        await database.close()


async def _ask(client: httpx.AsyncClient, open_: int) -> bool:
    print(f"{open_:,} reviews open")
    first = (await client.get("/v1/reviews?limit=200")).json()
    cursor = first["next"]
    for _ in range(open_ // 400):
        cursor = (await client.get(f"/v1/reviews?limit=200&cursor={cursor}")).json()["next"] or cursor
    review = first["items"][0]["review_id"]
    kept = [
        await timed("first page (10)", lambda: client.get("/v1/reviews")),
        await timed("page in the middle (10)", lambda: client.get(f"/v1/reviews?cursor={cursor}")),
        await timed("page of nobody's (10)", lambda: client.get("/v1/reviews?assignee=")),
        await timed("page without results (50)", lambda: client.get("/v1/reviews?limit=50")),
        await timed("one review", lambda: client.get(f"/v1/reviews/{review}")),
    ]
    await timed("quality", lambda: client.get("/v1/reviews/quality"))
    await timed("sample of a bulk (200)", lambda: client.post("/v1/reviews/bulk", json=BULK))
    return all(kept)


BULK: Final = {"judgement": "same", "reviews": {"probability": [0.5, 1]}}


def main() -> int:
    """Run the bench on an engine of its own, or on that of TEST_STACK; exit 1 when the queue is too slow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--open", type=int, default=10_000)
    asked = parser.parse_args()
    with running_stack() as stack:
        name = f"bench_{secrets.token_hex(6)}"
        url = uvloop.run(create_database(stack.database_url, name, "template1"))
        try:
            return 0 if uvloop.run(bench(url, asked.open)) else 1
        finally:
            uvloop.run(drop_database(stack.database_url, name))


if __name__ == "__main__":
    raise SystemExit(main())
