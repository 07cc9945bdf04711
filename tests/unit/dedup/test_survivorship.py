"""The golden record: what lives on, where it comes from, and that only the set of records matters."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dedup.core.survivorship import RECORDS_SHOWN, SourceView, changed_paths, golden_record
from shared.domain.contact import Address, Cause, Contact
from shared.domain.record import Consent, Patch, Record, fold
from tests.unit.dedup.made import START, day, record

CAUSE = Cause(kind="record", id="event", source="webform")
SOURCES = {"webform": SourceView(50, "DE"), "crm": SourceView(80, "DE"), "newsletter": SourceView(30, "DE")}


def golden(*members: Record, **more: Any) -> Contact:
    given: dict[str, Any] = {"version": 1, "cause": CAUSE, "created_at": START, "updated_at": START} | more
    return golden_record("contact", members, SOURCES, **given)


def test_a_single_record_is_its_own_golden_record() -> None:
    contact = golden(
        record(
            "a",
            salutation="Herr",
            name_prefix="Dr.",
            given_name="Jörg",
            family_name="Müller-Lüdenscheidt",
            email="Joerg@Example.de",
            phone="0171 / 123 45 67",
            street="Hauptstr. 5a",
            postcode="10115",
            city="Berlin",
            country="Deutschland",
            birthday="29.02.1980",
            company="Beispiel GmbH",
            job_title="Leiter",
            language="DE",
            attributes={"hobby": "Segeln"},
        )
    )
    assert (contact.name.given, contact.name.family) == ("Jörg", "Müller-Lüdenscheidt")
    assert contact.name.full == "Dr. Jörg Müller-Lüdenscheidt"
    assert [(one.value, one.preferred) for one in contact.emails] == [("Joerg@example.de", True)]
    assert [(one.value, one.kind) for one in contact.phones] == [("+491711234567", "mobile")]
    assert contact.addresses == (
        Address(street="Hauptstr.", house_number="5a", postcode="10115", city="Berlin", country="DE"),
    )
    assert (contact.birthday, contact.company.name, contact.job_title) == ("1980-02-29", "Beispiel GmbH", "Leiter")
    assert (contact.kind, contact.gender, contact.language) == ("person", "male", "de")
    assert contact.attributes == {"hobby": "Segeln"}
    origin = contact.provenance["/name/family"]
    assert (origin.source, origin.record_id, origin.observed_at, origin.why) == ("webform", "a", START, "only one")


def test_every_value_says_where_it_comes_from() -> None:
    contact = golden(
        record(
            "a",
            given_name="Anna",
            family_name="Weber",
            email="a@web.de",
            phone="0171 1234567",
            city="Kiel",
            birthday="1980-02-03",
            company="X AG",
            department="IT",
            website="x.de",
            vat_id="DE1",
            attributes={"a/b": 1},
        )
    )
    assert {
        "/name/given",
        "/name/family",
        "/emails/0",
        "/phones/0",
        "/addresses/0",
        "/birthday",
        "/company/name",
        "/company/vat_id",
        "/department",
        "/website",
        "/attributes/a~1b",
    } == set(contact.provenance)


def test_the_more_trusted_source_wins_and_the_reason_says_so() -> None:
    contact = golden(record("a", "crm", 0, job_title="Head"), record("b", "webform", 9, job_title="Intern"))
    assert contact.job_title == "Head"
    assert contact.provenance["/job_title"].why == "most trusted"
    assert [(one.path, one.value, one.source, one.until) for one in contact.former] == [
        ("/job_title", "Intern", "webform", day(9))
    ]


def test_between_equals_the_newer_word_holds() -> None:
    contact = golden(record("a", on=1, company="Alt AG"), record("b", on=2, company="Neu AG"))
    assert contact.company.name == "Neu AG"
    assert contact.provenance["/company/name"].why == "newest"


def test_a_readable_birthday_beats_an_unreadable_one_of_a_better_source() -> None:
    contact = golden(record("a", "crm", birthday="31.02.1980"), record("b", "newsletter", birthday="3.2.1980"))
    assert contact.birthday == "1980-02-03"
    assert contact.provenance["/birthday"].why == "only valid"


def test_a_wrong_value_stays_for_validation_to_find_and_a_placeholder_does_not() -> None:
    contact = golden(record("a", email="anna(at)web.de", phone="12 ab", birthday="31.02.1980", city="n/a", company="-"))
    assert [one.value for one in contact.emails] == ["anna(at)web.de"]
    assert [one.value for one in contact.phones] == ["12 ab"]
    assert contact.birthday == "31.02.1980"
    assert contact.addresses == ()
    assert contact.company.name is None
    assert golden(record("a", email="n/a", family_name="Weber")).emails == ()


def test_a_placeholder_name_is_shown_while_there_is_no_better() -> None:
    assert golden(record("a", given_name="Test", family_name="Test", email="t@web.de")).name.family == "Test"
    better = golden(record("a", "crm", family_name="Unbekannt"), record("b", family_name="Weber"))
    assert better.name.family == "Weber"


def test_the_order_of_criteria_can_be_configured() -> None:
    members = record("a", "crm", 0, job_title="Head"), record("b", "webform", 9, job_title="Intern")
    assert golden(*members, orders={"default": ("valid", "recency", "trust")}).job_title == "Intern"
    assert golden(*members, orders={"job_title": ("recency",)}).provenance["/job_title"].why == "newest"


def test_one_name_in_three_writings_is_shown_in_the_best_one() -> None:
    contact = golden(
        record("a", given_name="Jörg", family_name="Müller-Lüdenscheidt"),
        record("b", "newsletter", 3, given_name="Joerg", family_name="Mueller"),
        record("c", "webform", 5, full_name="MÜLLER-LÜDENSCHEIDT JÖRG"),
    )
    assert contact.name.full == "Jörg Müller-Lüdenscheidt"
    assert contact.former == ()


def test_unheard_of_names_stand_in_the_order_of_most_records() -> None:
    contact = golden(
        record("a", on=1, given_name="Quira", family_name="Zelmann"),
        record("b", on=2, given_name="Quira", family_name="Zelmann"),
        record("c", on=9, given_name="ZELMANN", family_name="QUIRA"),
    )
    assert (contact.name.given, contact.name.family) == ("Quira", "Zelmann")


def test_a_full_name_beats_an_initial_of_a_better_source() -> None:
    contact = golden(
        record("a", "crm", given_name="J.", family_name="Müller"), record("b", given_name="Jörg", family_name="Müller")
    )
    assert contact.name.given == "Jörg"


def test_the_name_before_a_marriage_is_kept_as_former() -> None:
    contact = golden(
        record("a", on=0, given_name="Anna", family_name="Weber"),
        record("b", on=9, given_name="Anna", family_name="Schulz"),
    )
    assert contact.name.family == "Schulz"
    assert [(one.path, one.value) for one in contact.former] == [("/name/family", "Weber")]


def test_one_mailbox_is_one_address_and_the_newest_most_trusted_leads() -> None:
    contact = golden(
        record("a", "webform", 5, email="Anna.Weber@web.de"),
        record("b", "crm", 1, email="anna.weber+crm@WEB.de", emails=[{"value": "info@beispiel.de", "kind": "work"}]),
        record("c", "newsletter", 9, email="old@web.de"),
    )
    assert [(one.value, one.kind, one.preferred) for one in contact.emails] == [
        ("anna.weber+crm@web.de", None, True),
        ("old@web.de", None, False),
        ("info@beispiel.de", "work", False),
    ]
    assert contact.provenance["/emails/0"].confidence == pytest.approx(0.9)


def test_the_address_that_a_source_prefers_leads_and_nobody_is_said_to_agree() -> None:
    contact = golden(record("a", email="joerg@example.de", emails=[{"value": "j.mueller@example.com"}]))
    assert contact.emails[0].value == "joerg@example.de"
    assert contact.provenance["/emails/0"].why == "preferred"


def test_numbers_are_one_in_every_writing() -> None:
    contact = golden(
        record("a", phone="0171 1234567"), record("b", phone="+49 (0)171/1234567", phones=[{"value": "030 7211511"}])
    )
    assert [one.value for one in contact.phones] == ["+491711234567", "+49307211511"]


def test_a_part_of_an_address_is_no_address_of_its_own_but_fills_gaps() -> None:
    contact = golden(
        record("a", street="Hauptstraße 5", postcode="10115", city="Berlin"),
        record("b", on=3, city="Berlin", country="Germany"),
        record("c", on=5, street="Am Ring 3", postcode="24103", city="Kiel"),
    )
    assert [(one.street, one.city, one.country) for one in contact.addresses] == [
        ("Am Ring", "Kiel", None),
        ("Hauptstraße", "Berlin", "DE"),
    ]


def test_a_firm_without_a_person_is_an_organisation() -> None:
    assert golden(record("a", company="X AG")).kind == "organisation"
    assert golden(record("a", company="X AG"), record("b", family_name="Weber")).kind == "person"


def test_attributes_survive_key_by_key() -> None:
    contact = golden(
        record("a", on=1, attributes={"x": 1, "y": None}), record("b", on=2, attributes={"x": 2, "z": [1]})
    )
    assert contact.attributes == {"x": 2, "z": [1]}


def test_consents_can_only_tighten_by_merging() -> None:
    granted = Consent("newsletter", "email", "granted", "a@web.de", day(1))
    withdrawn = Consent("newsletter", "email", "withdrawn", "A@web.de", day(0))
    both = golden(
        record("a", email="a@web.de", consents=(granted,)), record("b", email="a@web.de", consents=(withdrawn,))
    )
    assert [one.status for one in both.consents] == ["withdrawn"]


def test_records_that_were_taken_back_say_nothing() -> None:
    gone = fold(record("b", family_name="Weber"), Patch(event_id="e2", observed_at=day(9), deletes=True))
    contact = golden(record("a", given_name="Anna"), gone)
    assert contact.name.family is None
    assert contact.records_total == 1


def test_a_contact_lists_a_hundred_records_and_counts_all() -> None:
    contact = golden(*(record(f"{number:03}", email=f"a{number}@web.de") for number in range(RECORDS_SHOWN + 5)))
    assert (len(contact.records), contact.records_total) == (RECORDS_SHOWN, RECORDS_SHOWN + 5)
    assert len(msgspec.json.encode(contact)) < 100_000


def test_changed_names_the_paths_that_differ() -> None:
    before = golden(record("a", email="a@web.de"))
    after = golden(record("a", email="a@web.de", phone="0171 1234567"), version=2, updated_at=day(1))
    assert changed_paths(before, after) == ("/phones",)
    assert changed_paths(before, before) == ()
    assert changed_paths(None, before) == ("/emails", "/records")


names = st.sampled_from(["Jörg", "JOERG", "J.", "Müller", "Mueller", "n/a", "Anna", "Weber", "", "Test"])
members = st.lists(
    st.builds(
        record,
        record_id=st.integers(0, 99).map(str),
        source=st.sampled_from(["webform", "crm", "newsletter", "unknown"]),
        on=st.integers(0, 5),
        attributes=st.dictionaries(st.sampled_from("xy"), st.sampled_from([1, "1", None, {"b": 1, "a": 2}])),
        given_name=names,
        family_name=names,
        email=st.sampled_from(["a@web.de", "A@web.de", "a+b@web.de", "b@x.de", "n/a", "rubbish", "info@x.de"]),
        emails=st.lists(
            st.sampled_from(["a@web.de", {"value": "b@x.de", "kind": "work"}, {"value": 7}, None, 3]), max_size=2
        ),
        phone=st.sampled_from(["0171 1234567", "+491711234567", "030 7211511", "x", "-"]),
        street=st.sampled_from(["Hauptstr. 5", "HAUPTSTRASSE 5", "Am Ring", "-"]),
        city=st.sampled_from(["Berlin", "BERLIN", "Kiel", "n/a"]),
        country=st.sampled_from(["DE", "Germany", "Atlantis", ""]),
        birthday=st.sampled_from(["1980-02-03", "3.2.1980", "31.2.80", "01.01.1900"]),
        company=st.sampled_from(["X AG", "x", "Y GmbH", "-"]),
    ),
    max_size=4,
    unique_by=lambda one: one.record_id,
)


@given(members, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(some: list[Record], chance: Any) -> None:
    shuffled = list(some)
    chance.shuffle(shuffled)
    assert msgspec.json.encode(golden(*some)) == msgspec.json.encode(golden(*shuffled))


@given(members)
def test_every_path_of_provenance_leads_to_a_value_and_one_mail_is_preferred(some: list[Record]) -> None:
    contact = golden(*some)
    built = msgspec.to_builtins(contact)
    for path, origin in contact.provenance.items():
        value = built
        for step in path.strip("/").split("/"):
            value = value[int(step)] if isinstance(value, list | tuple) else value[step]
        assert value is not None
        assert 0 < origin.confidence < 1
    assert [one.preferred for one in contact.emails] == [place == 0 for place in range(len(contact.emails))]
    assert len({one.value for one in contact.phones}) == len(contact.phones)
