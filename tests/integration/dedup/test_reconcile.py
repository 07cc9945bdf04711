"""Goal: after reconcile the contacts follow from the records alone, whatever order they came in and whoever died.

Method: the worker of reconcile, page by page, on a real Postgres; afterwards everything is recomputed from the records,
under the epoch that holds, and compared.
"""

import asyncio
import random
from typing import Any

import pytest

from services.dedup.core.arriving import Work
from services.dedup.core.judging import Judge, Verdict
from services.dedup.reconcile import store, working
from services.dedup.reconcile.phases import Phase
from services.dedup.reconcile.working import Reconciling
from tests.integration.dedup.order import reconciled
from tests.integration.dedup.test_the_same_moment import GIVEN, person, stream, wrongs
from tests.integration.dedup.town import Crowd, Town, record_id, says

TOWNS_NAMES = ("Wachtel", "Amsel", "Drossel", "Sperling", "Kuckuck", "Dohle", "Elster", "Habicht", "Bussard", "Falke")


def namesakes(number: int) -> list[Any]:
    """Persons of one surname that the shipped frequencies hold to be rare, each with two records that say little."""
    events: list[Any] = []
    for place in range(number):
        given = ("Anna", "Bernd", "Clara", "Dieter", "Erika", "Franz", "Gerda", "Horst")[place % 8]
        family = TOWNS_NAMES[place // 8 % len(TOWNS_NAMES)]
        for source in ("crm", "webform"):
            said = {"given_name": given, "family_name": family, "city": f"Stadt {place % 5}"}
            events.append(says(f"{source} {place}", at=1, source=source, **said))
    return events


async def test_a_run_counts_the_population_and_all_evidence_is_of_the_new_epoch(town: Town) -> None:
    await Crowd([town], seed=1, batch=40).tell(namesakes(80))
    before = town.law.population
    run = await reconciled(town)
    after = town.identity.laws.present.population
    assert (run.epoch, after.epoch, run.seen) == (1, 1, 160)
    assert after.family_millibits("wachtel") < before.family_millibits("wachtel")
    epochs = await town.database.fetch("select distinct epoch from dedup.evidence")
    assert [row[0] for row in epochs] == [1]
    assert await wrongs(town) == {}


async def test_a_contact_that_nothing_changes_gets_no_version(town: Town) -> None:
    await town.tell(*(says(f"r{number}", at=1, **person(number)) for number in range(40)))
    before = await town.versions()
    run = await reconciled(town)
    assert (run.changed, await town.versions()) == (0, before)
    assert town.ear.drafts == []


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_orders_of_arrival_end_in_the_same_contacts(towns: list[Town], seed: int) -> None:
    ends: list[set[frozenset[str]]] = []
    for order in (1, 2):
        await towns[0].empty()
        await Crowd(towns[: 1 + 2 * (order - 1)], seed * 10 + order).tell([*stream(seed, 40), *namesakes(40)])
        await reconciled(towns[0])
        assert await wrongs(towns[0]) == {}
        ends.append(await towns[0].groups())
    assert ends[0] == ends[1]


async def test_a_run_that_is_killed_at_any_page_goes_on_where_it_was(town: Town) -> None:
    await Crowd([town], seed=3, batch=40).tell([*stream(3, 60), *namesakes(40)])
    await ask(town)
    seen: list[tuple[Phase, str]] = []
    state = "waiting"
    for _ in range(1_000):
        worker = Reconciling(town.world, town.identity)  # every page by another process
        await town.database.execute("update dedup.reconcile set until = null")
        pages = 3 if not seen or seen[-1][0] is Phase.COUNTING else 1
        for _ in range(pages):
            await worker.step()
        async with town.database.connection() as connection:
            (run,) = await store.runs(connection, None, 1)
        seen.append((run.phase, run.place))
        state = run.state
        if state == "done":
            break
    assert state == "done"
    comparing = [place for phase, place in seen if phase is Phase.COMPARING]
    assert comparing == sorted(comparing)
    assert len(set(comparing)) > 3
    assert await wrongs(town) == {}


async def test_one_process_works_on_a_run_and_another_takes_over_when_its_lease_is_over(town: Town) -> None:
    await town.tell(*namesakes(20))
    await ask(town)
    first, second = Reconciling(town.world, town.identity), Reconciling(town.world, town.identity)
    assert await first.step()
    assert not await second.step()
    await town.database.execute("update dedup.reconcile set until = now() - interval '1 second'")
    assert await second.step()
    assert not await first.step()


async def test_what_arrives_while_it_runs_is_part_of_the_result(towns: list[Town]) -> None:
    town, *others = towns
    await Crowd([town], seed=4, batch=40).tell(stream(4, 50))
    later = namesakes(60)
    run, _ = await asyncio.gather(reconciled(town), Crowd(others[:3], seed=5, batch=5).tell(later))
    assert run.state == "done"
    await reconciled(town, since=run.started_at)
    assert await wrongs(town) == {}


async def test_an_incremental_run_leaves_the_epoch_and_looks_only_at_what_changed(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.tell(*(says(f"r{number}", at=1, **person(number // 2)) for number in range(40)))
    run = await reconciled(town)
    await town.tell(says("late", at=2, source="crm", **person(3)))
    looked: list[frozenset[str]] = []
    carry_out = town.identity.carry_out

    async def noting(work: Work) -> Any:
        if work.again is not None:
            looked.append(work.again.contact_ids)
        return await carry_out(work)

    monkeypatch.setattr(town.identity, "carry_out", noting)
    second = await reconciled(town, since=run.ended_at)
    home = (await town.homes())[record_id("late")]
    assert home is not None
    assert (second.epoch, town.identity.laws.present.population.epoch) == (None, 1)
    assert [home in one for one in looked] == [True]
    assert sum(map(len, looked)) < 5


async def test_a_key_that_becomes_generic_takes_its_evidence_back(town: Town) -> None:
    """Two who share a given name and a number may be one; when seventy share the number, nothing speaks for it."""
    people = [says(f"r{number}", at=number, **switchboard(number)) for number in range(75)]
    await town.tell(*people[:40])
    assert (await connected(town)) > 0
    for event in people[40:]:
        await town.tell(event)
    await Reconciling(town.world, town.identity).retract()
    assert await wrongs(town, shared_max=town.settings.key_records_max) == {}
    assert (await connected(town)) == 0
    assert await working.pending(town.world) == 0


async def test_without_taking_it_back_the_first_to_come_would_stay_doubtful(town: Town) -> None:
    """Negative control."""
    people = [says(f"r{number}", at=number, **switchboard(number)) for number in range(75)]
    await town.tell(*people[:40])
    for event in people[40:]:
        await town.tell(event)
    assert "evidence" in await wrongs(town, shared_max=town.settings.key_records_max)


async def test_a_key_that_is_shared_by_few_again_gives_candidates_after_a_run(town: Town) -> None:
    people = [says(f"r{number}", at=1, **switchboard(number)) for number in range(70)]
    await town.tell(*people)
    await Reconciling(town.world, town.identity).retract()
    changed = [says(f"r{number}", at=2, phone=f"0171 55{number:05}") for number in range(30, 70)]
    await town.tell(*changed)
    await reconciled(town)
    assert await wrongs(town, shared_max=town.settings.key_records_max) == {}


async def test_a_judgement_different_survives_many_arrivals_around_it_and_a_run(town: Town) -> None:
    said = {"given_name": "Karin", "family_name": "Wachtel", "email": "karin@example.de", "city": "Ulm"}
    await town.tell(says("one", at=1, **said), says("two", at=1, source="crm", **said))
    assert len(await town.groups()) == 1
    sides = ((record_id("one"),), (record_id("two"),))
    now = town.world.clock.now()
    await town.identity.carry_out(Work(verdict=Verdict(Judge(same=False, groups=sides), "steward", now)))
    dice = random.Random(1)
    for at in range(0, 1_000, 50):
        await town.tell(
            *(
                says(
                    f"around {number}",
                    at=number,
                    source=dice.choice(("webform", "newsletter", "crm")),
                    **{name: value for name, value in said.items() if dice.random() < 0.8 or name == "family_name"},
                )
                for number in range(at, at + 50)
            )
        )
    homes = await town.homes()
    assert homes[record_id("one")] != homes[record_id("two")]
    await reconciled(town)
    homes = await town.homes()
    assert homes[record_id("one")] != homes[record_id("two")]


def switchboard(number: int) -> dict[str, Any]:
    """Somebody of a firm, with nothing but a given name and the firm's number."""
    return {"given_name": GIVEN[number % len(GIVEN)], "phone": "0711 123400"}


async def connected(town: Town) -> int:
    rows = await town.database.fetch("select count(*) from dedup.evidence")
    return int(rows[0][0])


async def ask(town: Town) -> None:
    async with town.database.connection() as connection:
        await store.ask(connection, town.world.ids.new(), None, "test", town.world.clock.now())
