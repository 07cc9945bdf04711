"""Decide: what becomes of a snapshot. Values in, values out; the guarantees stand in the names."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rules.core.activity import Activity
from services.rules.core.changes import changed_paths
from services.rules.core.decide import Around, Published, Seen, Standing, decide, decide_gone, said_again
from services.rules.core.loading import rulebook
from shared.domain.contact import CauseKind, ConsentState, Contact, Email
from shared.domain.events import Happened, Retired
from shared.domain.outcome import Outgoing
from tests.unit.rules.build import NOW, a_cause, a_contact, an_id, insured, rules

NOTHING = rulebook([])
LATER = Around(NOW + timedelta(minutes=1))


def published(snapshot: Contact, standing: Standing | None = None, **how: Any) -> Published:
    """A decision to publish."""
    decided = decide(
        snapshot, standing, how.get("around", LATER), how.get("book", NOTHING), awaited=how.get("awaited", True)
    )
    assert isinstance(decided, Published)
    return decided


def standing(decided: Published) -> Standing:
    """What is stored afterwards."""
    contact = decided.contact
    return Standing(contact.version, contact.version, contact, stuck=decided.holding.stuck)


def told(happenings: tuple[Outgoing, ...]) -> list[tuple[str, Any]]:
    """(type, what) of everything that happened."""
    found: list[tuple[str, Any]] = []
    for one in happenings:
        data = one.event.data
        assert isinstance(data, Happened)
        found.append((one.event.type.value, data.changed or data.name or data.status))
    return found


def test_the_first_version_of_a_contact_creates_it() -> None:
    decided = published(a_contact())
    assert told(decided.happenings) == [("contact.created", None)]
    assert decided.contact.updated_at == LATER.now


def test_content_that_has_not_changed_is_only_seen_when_nobody_waits() -> None:
    first = standing(published(a_contact(version=1)))
    assert decide(a_contact(version=2, kind="refresh"), first, LATER, NOTHING, awaited=False) == Seen(an_id("anna"), 2)


def test_content_that_has_not_changed_is_said_when_somebody_waits_and_nothing_is_told() -> None:
    decided = published(a_contact(version=2), standing(published(a_contact(version=1))))
    assert (decided.contact.changed, decided.happenings) == ((), ())


@pytest.mark.parametrize("kind", ["refresh", "fact", "rule"])
def test_a_change_is_said_whatever_its_cause(kind: CauseKind) -> None:
    first = standing(published(a_contact(version=1)))
    decided = published(a_contact(version=2, kind=kind, job_title="Leiterin"), first, awaited=False)
    assert told(decided.happenings) == [("contact.updated", ("/job_title",))]


def test_a_changed_rule_is_a_change_of_the_contact() -> None:
    first = standing(published(insured(version=1)))
    book = rules(insurers='contact.company.industry == "insurance"')
    decided = published(insured(version=2, kind="rule"), first, book=book, awaited=False)
    assert decided.contact.changed == ("/segments",)
    assert told(decided.happenings) == [("contact.updated", ("/segments",)), ("segment.entered", "insurers")]


@pytest.mark.parametrize(("hours", "said"), [(23, False), (25, True)])
def test_what_drifts_by_itself_is_said_once_a_day_at_most_and_nothing_is_told(hours: int, said: bool) -> None:
    first = standing(published(a_contact(version=1)))
    later = Around(LATER.now + timedelta(hours=hours), Activity((), LATER.now + timedelta(hours=hours - 1)))
    decided = decide(a_contact(version=2, kind="refresh"), first, later, NOTHING, awaited=False)
    assert isinstance(decided, Published) is said
    if isinstance(decided, Published):
        assert (decided.contact.changed, decided.happenings) == ((), ())
        assert decided.contact.last_activity_at == later.activity.last_at
        again = Around(later.now + timedelta(hours=1), Activity((), later.now))
        same_day = decide(a_contact(version=3, kind="refresh"), standing(decided), again, NOTHING, awaited=False)
        assert isinstance(same_day, Seen)


def test_consents_are_told_without_the_address_and_with_ids_that_do_not_hold_it() -> None:
    consent = ConsentState(purpose="newsletter", channel="email", address="anna@beispiel.de", status="granted")
    other = msgspec.structs.replace(consent, address="anna@beispiel.org")
    decided = published(a_contact(consents=(consent, other)))
    changed = [one for one in decided.happenings if one.event.type.value == "consent.changed"]
    assert len({one.event.id for one in changed}) == 2
    assert b"beispiel" not in msgspec.json.encode([one.event for one in changed])
    withdrawn = a_contact(version=2, consents=(msgspec.structs.replace(consent, status="withdrawn"),))
    later = published(withdrawn, standing(decided))
    assert told(later.happenings)[1:] == [("consent.changed", "withdrawn"), ("consent.changed", "none")]


def test_a_contact_that_goes_leaves_its_segments_and_only_a_deletion_is_told_here() -> None:
    book = rules(all="true")
    stored = standing(published(a_contact(), book=book))

    def gone(reason: Any) -> list[tuple[str, Any]]:
        retired = Retired(contact_id=an_id("anna"), version=2, reason=reason, at=NOW, cause=a_cause())
        return told(decide_gone(retired, stored, LATER).happenings)

    assert gone("deleted") == [("segment.left", "all"), ("contact.deleted", None)]
    assert gone("merged") == [("segment.left", "all")]


def test_conditions_see_what_the_version_changes_but_not_what_rules_add() -> None:
    book = rules(all="true", moved='change.paths.exists(p, p == "/emails")', new="change.created")
    first = published(a_contact(), book=book)
    assert first.contact.segments == ("all", "moved", "new")
    second = published(a_contact(version=2, job_title="x"), standing(first), book=book)
    assert second.contact.segments == ("all",)
    third = published(a_contact(version=3, emails=()), standing(second), book=book)
    assert third.contact.segments == ("all", "moved")


def test_conditions_see_the_priority_segments_and_categories_there_were_before() -> None:
    book = rules(first="true", second='"first" in contact.segments && contact.priority.score > 0.0')
    once = published(a_contact(), book=book)
    assert once.contact.segments == ("first",)
    assert published(a_contact(version=2), standing(once), book=book).contact.segments == ("first", "second")


def test_said_again_under_the_version_seen_is_the_same_content() -> None:
    first = published(a_contact(version=1))
    stored = msgspec.structs.replace(first.contact)
    seen = Standing(5, 1, stored)
    again = said_again(seen, a_cause("record", "late"), LATER.now)
    assert (again.version, again.changed, changed_paths(first.contact, again)) == (5, (), ())


@given(st.lists(st.tuples(st.sampled_from(["record", "refresh"]), st.sampled_from(["", "a", "b"])), max_size=12))
def test_whatever_comes_what_is_published_equals_what_a_fresh_decision_would_say(
    steps: list[tuple[CauseKind, str]],
) -> None:
    """No history of silent refreshes and changes leaves the stored content behind the newest snapshot."""
    book = rules(mailed="size(contact.emails) > 0")
    stored: Standing | None = None
    for version, (kind, mail) in enumerate(steps, start=1):
        snapshot = a_contact(version=version, kind=kind, emails=(Email(value=mail),) if mail else ())
        decided = decide(snapshot, stored, LATER, book, awaited=kind == "record")
        if isinstance(decided, Published):
            stored = standing(decided)
        assert stored is not None
        assert stored.contact is not None
        fresh = published(snapshot, book=book)
        assert changed_paths(stored.contact, fresh.contact) == ()
