"""A source that sends more than its limit is asked to wait, and no other source notices."""

import msgspec
import pytest

from shared.domain.configuration import Source
from tests.integration.ingest.house import SOURCES, House

ANNA = {"source_record_id": "1", "email": "anna@example.org"}


@pytest.fixture
def limited(house: House) -> House:
    """The front door with two sources that may send three in an hour."""
    sources = {**SOURCES, "crm": Source(limit="3/h"), "vendor": replace_limit(SOURCES["vendor"], "2/h")}
    house.world.configuration = msgspec.structs.replace(house.world.configuration, sources=sources)
    return house


def replace_limit(source: Source, limit: str) -> Source:
    return msgspec.structs.replace(source, limit=limit)


async def test_records_beyond_the_limit_of_a_source_are_refused_whole_and_those_of_others_are_taken(
    limited: House,
) -> None:
    three = [ANNA | {"source": "crm", "source_record_id": str(number)} for number in range(3)]
    assert (await limited.post("/v1/records", three)).status_code == 202
    refused = await limited.post("/v1/records", [ANNA | {"source": "webform"}, ANNA | {"source": "crm"}])
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 1_200
    assert len(limited.received()) == 3
    assert (await limited.post("/v1/records", ANNA | {"source": "webform"})).status_code == 202


async def test_a_vendor_beyond_its_limit_is_asked_to_come_back_and_who_is_no_vendor_takes_nothing_from_it(
    limited: House,
) -> None:
    said = {"data": {"mail": "berta@example.org", "name": "Berta"}}
    for _ in range(3):
        assert (await limited.post("/hooks/vendor/wrong", said)).status_code == 401
    answers = [(await limited.post("/hooks/vendor/new-secret", said)).status_code for _ in range(3)]
    assert answers == [202, 202, 429]
