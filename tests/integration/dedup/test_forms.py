"""Goal: a release that reads words otherwise finds what the one before could not, in records that were stored by it.

Method: records are stored by a reading that knows no Cyrillic; then a process of today starts and works off what it
asked for.
"""

import pytest
from msgspec.structs import replace

from services.dedup.core import folding
from services.dedup.reconcile import store
from services.dedup.reconcile.working import Reconciling
from shared.domain.normalise import FORMS, Traits, traits_of
from shared.domain.record import Record
from tests.integration.dedup.order import STEPS_MAX
from tests.integration.dedup.test_the_same_moment import wrongs
from tests.integration.dedup.town import Town, says

PHONE = "0171 5550123"


def read_before(record: Record, country: str | None = "DE", *ids: tuple[str, ...]) -> Traits:
    """What a release made of a name that kept the letters of every script."""
    one = traits_of(record, country, *ids)
    given, family = record.fields["given_name"].value, record.fields["family_name"].value
    assert isinstance(given, str)
    assert isinstance(family, str)
    return replace(one, given=(given.lower(),), family=(family.lower(),))


async def stored_before(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """One person twice, who were two for the release before."""
    with monkeypatch.context() as before:
        before.setattr(folding, "traits_of", read_before)
        await town.tell(
            says("a", at=1, given_name="Юрий", family_name="Гагарин", phone=PHONE),
            says("b", at=1, source="crm", given_name="Iurii", family_name="Gagarin", phone=PHONE),
        )
    assert len(await town.groups()) == 2


async def worked_off(town: Town, worker: Reconciling) -> int:
    """Do what was asked for, and say how many runs it was."""
    for _ in range(STEPS_MAX):
        async with town.database.connection() as connection:
            if not await store.is_asked(connection):
                return len(await store.runs(connection, None, 10))
        await worker.step()
    raise AssertionError("the run does not end")


async def test_records_of_another_release_are_read_anew_and_find_each_other(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stored_before(town, monkeypatch)
    for _ in range(3):
        await Reconciling(town.world, town.identity).begin()
    assert await worked_off(town, Reconciling(town.world, town.identity)) == 1
    assert len(await town.groups()) == 1
    assert await wrongs(town) == {}
    await Reconciling(town.world, town.identity).begin()
    assert await worked_off(town, Reconciling(town.world, town.identity)) == 1


async def test_who_arrives_before_the_run_is_over_is_no_exception(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored_before(town, monkeypatch)
    worker = Reconciling(town.world, town.identity)
    await worker.begin()
    await worker.step()
    await town.tell(says("c", at=2, source="webform", given_name="Юрий", family_name="Гагарин", phone=PHONE))
    await worked_off(town, worker)
    assert {len(group) for group in await town.groups()} == {3}
    assert await wrongs(town) == {}


async def test_unless_somebody_reads_them_anew_they_stay_two(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the forms that are stored are taken for those of today."""
    await stored_before(town, monkeypatch)
    async with town.database.connection() as connection:
        await store.write_forms(connection, FORMS)
    worker = Reconciling(town.world, town.identity)
    await worker.begin()
    assert await worked_off(town, worker) == 0
    assert len(await town.groups()) == 2


async def test_a_change_back_and_forth_is_a_run_each_time(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await stored_before(town, monkeypatch)
    worker = Reconciling(town.world, town.identity)
    for number in (1, 2, 3):
        async with town.database.connection() as connection:
            await store.write_forms(connection, FORMS - 1)
        await worker.begin()
        assert await worked_off(town, worker) == number


async def test_an_empty_installation_has_nothing_to_read_anew(town: Town) -> None:
    worker = Reconciling(town.world, town.identity)
    await worker.begin()
    assert await worked_off(town, worker) == 0
    await town.tell(says("a", at=1, given_name="Anna", family_name="Roth"))
    await worker.begin()
    assert await worked_off(town, worker) == 0
