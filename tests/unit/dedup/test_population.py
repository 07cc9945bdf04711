"""The population: counted from records, the same for every order, and silent about single people."""

from collections.abc import Sequence
from random import Random

from services.dedup.core.population import (
    BEARERS_MIN,
    COMPANY_USUAL,
    FAMILY_RAREST,
    PEOPLE_MAX,
    Census,
    Population,
)
from shared.domain.normalise import Traits
from tests.unit.dedup.made import traits

GIVEN = ("Anna", "Bernd", "Clara", "Dieter", "Erika", "Franz")


def counted(records: Sequence[Traits]) -> Population:
    census = Census()
    for record in records:
        census.add(record)
    return census.population(3)


def family(name: str, number: int) -> list[Traits]:
    return [traits(f"{name}{at}", given_name=GIVEN[at % 6], family_name=name) for at in range(number)]


def test_the_order_of_records_does_not_matter() -> None:
    records = [*family("Wachtel", 6), *family("Amsel", 4)]
    records += [
        traits(f"x{at}", given_name=GIVEN[at], email="post@example.org", family_name="Dohle") for at in range(6)
    ]
    turned = list(records)
    Random(1).shuffle(turned)
    assert counted(records) == counted(turned)
    assert counted(records).epoch == 3


def test_a_name_that_many_bear_says_less_than_one_that_few_do() -> None:
    found = counted([*family("Wachtel", 6), *family("Amsel", BEARERS_MIN)])
    assert found.family_millibits("wachtel") < found.family_millibits("amsel") < FAMILY_RAREST


def test_records_of_one_person_count_once() -> None:
    once = counted([*family("Wachtel", 4)])
    again = counted([*family("Wachtel", 4), *family("Wachtel", 4), *family("Wachtel", 4)])
    assert once == again


def test_a_snapshot_names_nobody_whom_few_are_called_like() -> None:
    found = counted([*family("Wachtelkoenig", BEARERS_MIN - 1)])
    assert "wachtelkoenig" not in found.family


def test_an_address_of_four_people_is_shared_and_that_of_a_family_is_not() -> None:
    desk = [
        traits(f"d{at}", given_name=GIVEN[at], family_name=name, email="post@example.org")
        for at, name in enumerate(("Amsel", "Drossel", "Fink", "Star"))
    ]
    home = [traits(f"h{at}", given_name=GIVEN[at], family_name="Star", email="familie@example.de") for at in range(3)]
    assert counted([*desk, *home]).shared == {"post@example.org"}


def test_a_large_employer_says_less_than_an_unknown_one() -> None:
    staff = [traits(f"s{at}", given_name=GIVEN[at], family_name="Star", company="Beispiel GmbH") for at in range(6)]
    worth = [*counted(staff).company.values()]
    assert len(worth) == 1
    assert worth[0] < COMPANY_USUAL


def test_counting_ends_with_the_most_that_is_counted() -> None:
    census = Census()
    census.records = PEOPLE_MAX
    census.add(traits("one", given_name="Anna", family_name="Wachtel"))
    assert census.records == PEOPLE_MAX
