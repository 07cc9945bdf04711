"""Goal: of ten kinds of messages that nobody can process, each becomes one letter with the right reason, every good
record arrives beside them, and every mended one arrives once.

Method: all six services over a log in memory and a real Postgres. Bad ones come between good ones, through the front
door and on the log; then each letter is mended as a person would, twice, and everything is delivered again.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.runtime.access import Role
from shared.runtime.broker import Draft
from tests.support.poison import HOOK, KINDS, expected, kind_of, mail, number_in
from tests.tutorial.chain import Chain, whole_chain

GOOD, BAD = 400, 40
ARRAY = 50


@pytest.fixture
async def chain(database: str) -> AsyncIterator[Chain]:
    async with whole_chain(database) as chain:
        yield chain


async def send_bad(chain: Chain, number: int) -> None:
    made = kind_of(number).made(number)
    if isinstance(made, Draft):
        await chain.world.producer.send([made])
    else:
        answer = await chain.post(HOOK, made, Role.SENDER)
        assert answer.status == 202, kind_of(number).name


async def books(chain: Chain) -> Any:
    await chain.world.clock.sleep(600)
    return (await chain.get("/v1/status"))["books"]


async def letters(chain: Chain) -> list[Any]:
    found = await chain.get("/v1/dead-letters?limit=500")
    return list(found["items"])


async def test_ten_kinds_of_poison_become_letters_good_ones_arrive_and_mended_ones_arrive_once(chain: Chain) -> None:
    for first in range(0, GOOD, ARRAY):
        said = [{"source": "crm", "source_record_id": f"{n}", "email": f"good{n}@example.com"}
                for n in range(first, first + ARRAY)]  # fmt: skip
        assert (await chain.post("/v1/records", said)).status == 202
        for number in range(first * BAD // GOOD, (first + ARRAY) * BAD // GOOD):
            await send_bad(chain, number)
    await chain.settle()
    found = await chain.get("/v1/dead-letters")
    assert {(one["stage"], one["reason"]): one["letters"] for one in found["groups"]} == expected(BAD)
    assert (await books(chain))["in_contacts"] == GOOD

    for letter in await letters(chain):
        number = number_in(await chain.get(f"/v1/dead-letters/{letter['id']}?reveal=true"))
        kind = kind_of(number)
        assert (letter["stage"], letter["reason"]) == (kind.stage, kind.reason), kind.name
        path = f"/v1/dead-letters/{letter['id']}/fixes"
        dry = await chain.post(f"{path}?dry_run=true", kind.fix(number))
        assert dry.body["decides"]["outcome"] in ("received", "decided"), kind.name
        for _ in range(2):
            answer = await chain.post(path, kind.fix(number))
            assert (answer.status, answer.body["event_id"]) == (200, dry.body["event_id"]), kind.name
    await chain.settle()
    chain.forget_offsets()
    await chain.settle()
    assert await letters(chain) == []
    after = await books(chain)
    assert (after["accepted"], after["in_contacts"]) == (GOOD + BAD, GOOD + BAD)
    for number in range(BAD):
        (one,) = (await chain.post("/v1/contact-searches", {"email": mail(number)})).body["items"]
        assert one["records_total"] == 1, kind_of(number).name
    assert len({kind.name for kind in KINDS}) == 10
