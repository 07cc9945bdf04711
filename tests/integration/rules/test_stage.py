"""Goal: what is said on contacts.clean is what is stored, whatever is redelivered, late or out of order.

Method: the stage on a real Postgres, its messages made by hand; two processes where one has slept.
"""

import asyncio
from datetime import timedelta

from services.rules.core.loading import rulebook
from shared.domain.configuration import Rule, Then
from shared.domain.contact import ConsentState, Email, Member, Phone
from shared.domain.outcome import DeadLetter, Drop, DropReason, Forward
from shared.runtime.database import Database
from shared.runtime.stage import Settled, said
from tests.integration.rules.world import ByHand, Process, clean, enriched, heard, interaction, retired, versions
from tests.unit.rules.build import NOW, a_contact, an_id, insured, rules

TWO = (Email(value="anna@beispiel.de"), Email(value="anna@beispiel.org"))


async def test_a_new_contact_is_stored_and_said(process: Process) -> None:
    settled = await process.take(enriched(a_contact()))
    assert versions(settled) == [(an_id("anna"), 1)]
    row = await process.row("anna")
    assert row.contact() == clean(settled)
    assert [type_ for type_, _ in await process.outbox()] == ["contact.created"]


async def test_a_redelivered_snapshot_changes_nothing_and_is_said_again(process: Process) -> None:
    first = await process.take(enriched(a_contact()))
    row = await process.row("anna")
    again = await process.take(enriched(a_contact()))
    assert said(again) == said(first)
    assert await process.row("anna") == row
    assert len(await process.outbox()) == 1


async def test_an_older_version_is_answered_with_the_present(process: Process) -> None:
    await process.take(enriched(a_contact(version=7, emails=TWO)))
    settled = await process.take(enriched(a_contact(version=6)))
    assert versions(settled) == [(an_id("anna"), 7)]
    assert clean(settled).emails == TWO


async def test_of_a_batch_only_the_newest_version_is_said(process: Process) -> None:
    settled = await process.take(
        enriched(a_contact(version=2)), enriched(a_contact(version=3)), enriched(a_contact(version=1))
    )
    assert versions(settled) == [(an_id("anna"), 3)]
    assert settled.outcomes[0] == Forward() == settled.outcomes[2]


async def test_a_refresh_that_changes_nothing_moves_neither_topic_nor_row(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    settled = await process.take(enriched(a_contact(version=2, kind="refresh")))
    assert settled.outcomes == [Drop(DropReason.UNCHANGED)]
    row = await process.row("anna")
    assert (row.version, row.published_version) == (2, 1)
    assert len(await process.outbox()) == 1


async def test_a_refresh_that_changes_something_is_said(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    settled = await process.take(enriched(a_contact(version=2, kind="fact", emails=TWO)))
    assert clean(settled).changed == ("/emails",)
    assert [type_ for type_, _ in await process.outbox()] == ["contact.created", "contact.updated"]


async def test_a_record_that_changes_nothing_is_said_since_its_sender_waits(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    settled = await process.take(enriched(a_contact(version=2)))
    assert clean(settled).changed == ()
    assert len(await process.outbox()) == 1, "nothing happened, so nothing is told"


async def test_a_record_overtaken_by_a_silent_refresh_still_comes_out(process: Process) -> None:
    """Version 3 changed nothing and was not said; the sender of version 2 would wait for ever."""
    await process.take(enriched(a_contact(version=1)))
    await process.take(enriched(a_contact(version=3, kind="refresh")))
    settled = await process.take(enriched(a_contact(version=2)))
    assert versions(settled) == [(an_id("anna"), 3)]
    assert (await process.row("anna")).published_version == 3


async def test_a_record_and_a_silent_refresh_in_one_batch_come_out(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    settled = await process.take(enriched(a_contact(version=2)), enriched(a_contact(version=3, kind="refresh")))
    assert versions(settled) == [(an_id("anna"), 3)]


async def test_what_was_stored_but_never_said_is_said_with_the_batch_that_comes_again(process: Process) -> None:
    """The process died between its commit and its send; now the batch is longer by a refresh that changes nothing."""
    await process.take(enriched(a_contact(version=1)))
    settled = await process.take(enriched(a_contact(version=1)), enriched(a_contact(version=2, kind="refresh")))
    assert versions(settled) == [(an_id("anna"), 1)]


async def test_two_contents_of_one_version_the_first_stored_wins(process: Process) -> None:
    first = clean(await process.take(enriched(a_contact(version=4))))
    second = clean(await process.take(enriched(a_contact(version=4, emails=TWO))))
    assert second == first


async def test_a_contact_merged_away_becomes_a_tombstone_that_says_where_it_went(process: Process) -> None:
    await process.take(enriched(a_contact("anna")), enriched(a_contact("bert")))
    settled = await process.take(retired("anna", 2, "merged", into="bert"))
    (tombstone,) = said(settled)
    assert tombstone.event.data is None
    extensions = dict(tombstone.event.extensions)
    assert extensions.pop("cause").startswith('{"kind":"record"')
    assert extensions == {"version": "2", "reason": "merged", "mergedinto": an_id("bert"), "mergedintoversion": "1"}
    assert (await process.row("anna")).document is None
    assert [type_ for type_, _ in await process.outbox()] == ["contact.created"] * 2, "merged is dedup's to say"


async def test_an_older_snapshot_never_brings_back_what_is_gone(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    await process.take(retired("anna", 3))
    settled = await process.take(enriched(a_contact(version=2)))
    assert said(settled)[0].event.data is None
    assert (await process.row("anna")).retired == "deleted"
    assert [type_ for type_, _ in await process.outbox()] == ["contact.created", "contact.deleted"]


async def test_a_split_brings_a_contact_back_with_a_higher_version(process: Process) -> None:
    await process.take(enriched(a_contact(version=1)))
    await process.take(retired("anna", 2, "merged", into="bert"))
    settled = await process.take(enriched(a_contact(version=3, kind="judgement")))
    assert versions(settled) == [(an_id("anna"), 3)]
    row = await process.row("anna")
    assert row.retired is None
    assert row.merged_into is None
    assert "contact.created" not in [type_ for type_, _ in (await process.outbox())[1:]]


async def test_events_of_a_version_carry_the_same_ids_whoever_decides(process: Process, tables: Database) -> None:
    consents = (ConsentState(purpose="newsletter", channel="email", address="anna@beispiel.de", status="granted"),)
    contact = insured(consents=consents)
    process = Process(tables, rules(insurers='contact.company.industry == "insurance"'))
    await process.take(enriched(contact))
    events = await process.outbox()
    assert [type_ for type_, _ in events] == ["contact.created", "consent.changed", "segment.entered"]
    await tables.execute("TRUNCATE rules.contact, runtime.outbox")
    await process.take(enriched(contact))
    assert await process.outbox() == events


async def test_segments_are_entered_and_left_once(tables: Database) -> None:
    process = Process(tables, rules(insurers='contact.company.industry == "insurance"'))
    entered = clean(await process.take(enriched(insured(version=1))))
    assert entered.segments == ("insurers",)
    await process.take(enriched(insured(version=2)))
    left = clean(await process.take(enriched(a_contact(version=3))))
    assert left.segments == ()
    assert left.changed == ("/company/name", "/company/domain", "/company/industry", "/segments")
    types = [type_ for type_, _ in await process.outbox()]
    assert types == ["contact.created", "segment.entered", "contact.updated", "segment.left"]


async def test_what_sticks_stays_and_goes_along_into_a_merge(tables: Database) -> None:
    sticky = rulebook(
        [Rule(name="met", when='contact.attributes.fair == "2026"', then=Then(segment="met-us"), sticky=True)]
    )
    process = Process(tables, sticky)
    await process.take(enriched(a_contact("anna", version=1, attributes={"fair": "2026"})))
    assert clean(await process.take(enriched(a_contact("anna", version=2)))).segments == ("met-us",)
    await process.take(retired("anna", 3, "merged", into="bert"))
    settled = await process.take(enriched(a_contact("bert", version=2, merged_from=(an_id("anna"),))))
    assert clean(settled).segments == ("met-us",)


async def test_an_interaction_is_on_the_timeline_once(process: Process) -> None:
    first = await process.take(interaction("anna", 1))
    second = await process.take(interaction("anna", 1), interaction("anna", 2))
    assert first.outcomes == [Forward()]
    assert second.outcomes == [Drop(DropReason.REDELIVERED), Forward()]
    rows = await process.database.fetch("SELECT count(*) AS n FROM rules.timeline")
    assert rows[0]["n"] == 2


async def test_interactions_of_a_batch_count_for_its_snapshots(tables: Database) -> None:
    process = Process(tables, rules(buyers='timeline.count("purchase", 30) >= 2'))
    settled = await process.take(enriched(a_contact()), interaction("anna", 1), interaction("anna", 2, NOW))
    contact = clean(settled)
    assert contact.segments == ("buyers",)
    assert contact.last_activity_at == NOW
    assert "2 interactions in a year: +4.0" in contact.priority.reasons


async def test_an_interaction_that_moves_a_rule_asks_once_to_say_the_contact_again(tables: Database) -> None:
    process = Process(tables, rules(buyers='timeline.count("purchase", 30) >= 2'))
    await process.take(enriched(a_contact()))
    await process.take(interaction("anna", 1))
    assert [type_ for type_, _ in await process.outbox()] == ["contact.created"]
    await process.take(interaction("anna", 2))
    await process.take(interaction("anna", 2))
    events = await process.outbox()
    assert [type_ for type_, _ in events] == ["contact.created", "refresh.requested"]
    assert clean(await process.take(enriched(a_contact(version=2, kind="interaction")))).segments == ("buyers",)
    await process.take(interaction("anna", 3))
    assert [type_ for type_, _ in await process.outbox()][2:] == ["contact.updated", "segment.entered"]


async def test_a_late_activity_is_asked_for_once_a_day_and_rides_along(tables: Database) -> None:
    process = Process(tables)
    await process.take(enriched(a_contact()))
    await process.take(interaction("anna", 1))
    assert "refresh.requested" not in [type_ for type_, _ in await process.outbox()]
    process.clock.time += timedelta(days=1)
    await process.take(interaction("anna", 2))
    assert [type_ for type_, _ in await process.outbox()][-1] == "refresh.requested"
    said = clean(await process.take(enriched(a_contact(version=2, kind="interaction"))))
    assert (said.version, said.changed, said.last_activity_at is not None) == (2, (), True)
    await process.take(interaction("anna", 3))
    assert [type_ for type_, _ in await process.outbox()].count("refresh.requested") == 1


async def test_an_interaction_with_somebody_who_is_gone_or_unknown_asks_for_nothing(tables: Database) -> None:
    process = Process(tables, rules(buyers='timeline.count("purchase", 30) >= 1'))
    await process.take(enriched(a_contact("anna")))
    await process.take(retired("anna", 2))
    await process.take(interaction("anna", 1), interaction("bert", 1))
    assert "refresh.requested" not in [type_ for type_, _ in await process.outbox()]


async def test_interactions_follow_their_record_into_another_contact_and_back(tables: Database) -> None:
    process = Process(tables, rules(buyers='timeline.count("purchase", 30) >= 1'))
    await process.take(enriched(a_contact("anna")), enriched(a_contact("bert")), interaction("anna", 1))
    both = tuple(Member(source="webform", record_id=an_id(f"record-{name}")) for name in ("anna", "bert"))
    merged = clean(await process.take(enriched(a_contact("bert", version=2, records=both))))
    assert merged.segments == ("buyers",)
    split = clean(await process.take(enriched(a_contact("bert", version=3))))
    assert split.segments == ()
    back = clean(await process.take(enriched(a_contact("anna", version=2))))
    assert back.segments == ("buyers",)


async def test_time_of_a_contact_never_goes_back(process: Process) -> None:
    first = clean(await process.take(enriched(a_contact(version=1))))
    process.clock.time -= timedelta(hours=1)
    second = clean(await process.take(enriched(a_contact(version=2))))
    assert second.updated_at == first.updated_at


async def test_ids_that_are_none_are_set_aside_and_nothing_else(process: Process) -> None:
    broken = a_contact("bert", records=(Member(source="webform", record_id="4711"),))
    settled = await process.take(enriched(broken), enriched(a_contact("anna")))
    assert isinstance(settled.outcomes[0], DeadLetter)
    assert versions(settled) == [(an_id("anna"), 1)]


# Interleaving 13: a process that slept says something older last.


async def test_after_its_send_a_process_says_again_what_became_newer_meanwhile(tables: Database) -> None:
    slow, quick = Process(tables), Process(tables)
    settled = await slow.take(enriched(a_contact(version=7)))
    await quick.take(enriched(a_contact(version=8, emails=TWO)))
    batch = [enriched(a_contact(version=7))]
    more = await slow.stage.acknowledged(batch, settled)
    assert versions(more) == [(an_id("anna"), 8)]
    assert not await slow.stage.acknowledged((), Settled(())), "and asked once more, it is content"


async def test_after_its_send_a_process_says_the_tombstone_that_came_meanwhile(tables: Database) -> None:
    slow, quick = Process(tables), Process(tables)
    settled = await slow.take(enriched(a_contact(version=7)))
    await quick.take(retired("anna", 8))
    more = await slow.stage.acknowledged([enriched(a_contact(version=7))], settled)
    assert [one.event.data for one in more] == [None]


async def test_an_older_message_after_a_newer_one_on_the_topic_is_overwritten(tables: Database) -> None:
    """The process that said version 7 died before it could look again: whoever reads contacts.clean mends it."""
    process = Process(tables)
    seventh = said(await process.take(enriched(a_contact(version=7))))[0]
    eighth = said(await process.take(enriched(a_contact(version=8, emails=TWO))))[0]
    assert not versions(await process.take(heard(seventh), heard(eighth))), "in order: nothing to mend"
    assert versions(await process.take(heard(seventh, NOW - timedelta(hours=1)))) == [(an_id("anna"), 8)]


async def test_an_older_message_written_after_the_row_is_overwritten_by_a_process_that_knows_nothing(
    tables: Database,
) -> None:
    process = Process(tables)
    seventh = said(await process.take(enriched(a_contact(version=7))))[0]
    await process.take(enriched(a_contact(version=8, emails=TWO)))
    fresh = Process(tables)
    assert versions(await fresh.take(heard(seventh, process.clock.now() + timedelta(seconds=1)))) == [
        (an_id("anna"), 8)
    ]


async def test_an_older_message_whose_newer_one_is_still_on_its_way_is_left_alone(tables: Database) -> None:
    process = Process(tables)
    seventh = said(await process.take(enriched(a_contact(version=7))))[0]
    written = process.clock.now()
    await process.take(enriched(a_contact(version=8, emails=TWO)))
    assert not versions(await Process(tables).take(heard(seventh, written)))


async def test_what_is_heard_of_a_contact_nobody_knows_is_left_alone(process: Process) -> None:
    other = Process(process.database, clock=ByHand())
    seventh = said(await other.take(enriched(a_contact(version=7))))[0]
    await process.database.execute("TRUNCATE rules.contact")
    assert (await process.take(heard(seventh))).outcomes == [Drop(DropReason.NOT_OURS)]


async def test_two_processes_at_once_create_a_contact_once(tables: Database) -> None:
    first, second = Process(tables), Process(tables)
    there = [enriched(a_contact(f"person-{number}", version=1)) for number in range(50)]
    back = [enriched(a_contact(f"person-{number}", version=2)) for number in reversed(range(50))]
    await asyncio.gather(first.take(*there), second.take(*back))
    created = [id_ for type_, id_ in await first.outbox() if type_ == "contact.created"]
    assert len(created) == 50
    rows = await tables.fetch("SELECT version, count(*) AS n FROM rules.contact GROUP BY version")
    assert [tuple(row) for row in rows] == [(2, 50)]


async def test_search_keys_and_labels_follow_the_contact(tables: Database) -> None:
    process = Process(tables, rules(insurers='contact.company.industry == "insurance"'))
    await process.take(enriched(insured(version=1, phones=(Phone(value="+491711234567"),))))
    before = await tables.fetch("SELECT count(*) AS n FROM rules.lookup")
    await process.take(enriched(a_contact(version=2, phones=())))
    after = await tables.fetch("SELECT count(*) AS n FROM rules.lookup")
    assert before[0]["n"] - after[0]["n"] == 3, "the number and the two words of the company are gone"
    assert not await tables.fetch("SELECT 1 FROM rules.label")
    await process.take(retired("anna", 3))
    assert not await tables.fetch("SELECT 1 FROM rules.lookup")
