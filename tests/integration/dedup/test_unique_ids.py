"""Goal: a source that declares an id keeps two people apart from the next record on; whom it joined before are parted
by the next `reconcile`.

Method: one town whose CRM gives out numbers; the same words told before and after it says that they are unique.
"""

from dataclasses import replace as replaced

import msgspec
import pytest

from tests.integration.dedup.order import reconciled
from tests.integration.dedup.town import CONFIGURATION, Town, record_id, says

ANNA = {"given_name": "Anna", "family_name": "Roth", "email": "anna.roth77@web.de"}


async def tell_two(town: Town) -> None:
    await town.tell(says("a", at=1, source="crm", attributes={"number": "00417"}, **ANNA))
    await town.tell(says("b", at=2, source="crm", attributes={"number": 418}, **ANNA))


def declare(town: Town, **declared: tuple[str, ...]) -> None:
    crm = msgspec.structs.replace(CONFIGURATION.sources["crm"], **declared)
    configuration = msgspec.structs.replace(CONFIGURATION, sources={**CONFIGURATION.sources, "crm": crm})
    town.world = replaced(town.world, configuration=configuration)
    town.identity.adopt(configuration)


async def reviews(town: Town) -> int:
    rows = await town.database.fetch("select count(*) from dedup.review where state = 'open'")
    return int(rows[0][0])


@pytest.mark.parametrize(("key", "asked"), [("unique", 1), ("unique_per_person", 0)])
async def test_two_ids_stay_two_contacts_and_only_a_doubtful_one_is_asked_about(
    town: Town, key: str, asked: int
) -> None:
    declare(town, **{key: ("attributes.number",)})
    await tell_two(town)
    assert await town.groups() == {frozenset({record_id("a")}), frozenset({record_id("b")})}
    assert await reviews(town) == asked
    await town.tell(says("b", at=3, source="crm", attributes={"number": "417"}, **ANNA))
    assert len(await town.groups()) == 1, "the number was mistyped: nothing keeps them apart any more"


async def test_whom_it_joined_before_it_said_so_reconcile_parts(town: Town) -> None:
    await tell_two(town)
    assert len(await town.groups()) == 1
    declare(town, unique=("attributes.number",))
    await reconciled(town)
    assert len(await town.groups()) == 2
    assert await reviews(town) == 1
