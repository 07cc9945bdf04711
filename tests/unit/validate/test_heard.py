"""Goal: what others said of a domain or a mailbox counts, and a silence counts for nothing."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.validate.core.bouncing import EVENTS_MAX, Told, address_of, folded, is_bounced, told_by
from services.validate.core.decide import decide
from services.validate.core.exchangers import Ground, domains_of, takes_mail
from shared.domain.contact import Email, Status
from shared.domain.events import InteractionResolved
from tests.unit.validate.contacts import NOTHING_NEEDED, TODAY, contact

FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def at(day: int, what: str) -> Told:
    return (FIRST + timedelta(days=day)).isoformat(), what


def interaction(type_: str, **more: Any) -> InteractionResolved:
    return InteractionResolved(
        interaction_id="1", event_id="e", contact_id="c", record_id="r", version=1, source="newsletter", type=type_,
        at=FIRST, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "status", "codes"),
    [
        ("bounced", "bounced", ["email.bounced"]),
        ("invalid", "invalid", ["email.no-mail-domain"]),
        ("unknown", "unknown", []),
        (None, "valid", []),
    ],
)
def test_an_address_has_the_status_that_others_gave_it(said: Status | None, status: str, codes: list[str]) -> None:
    one = contact(emails=(Email(value="anna@firma.de"),))
    found = decide(one, NOTHING_NEEDED, TODAY, {} if said is None else {"anna@firma.de": said})
    assert found.emails[0].status == status
    assert [each.code for each in found.quality.findings] == codes


def test_what_an_address_says_itself_is_graver() -> None:
    one = contact(emails=(Email(value="anna@mailinator.com"),))
    found = decide(one, NOTHING_NEEDED, TODAY, {"anna@mailinator.com": "invalid"})
    assert [each.code for each in found.quality.findings] == ["email.disposable"]
    assert found.emails[0].status == "risky"


def test_a_role_is_still_said_of_an_address_whose_domain_is_unknown() -> None:
    one = contact(emails=(Email(value="info@firma.de"),))
    found = decide(one, NOTHING_NEEDED, TODAY, {"info@firma.de": "unknown"})
    assert [each.code for each in found.quality.findings] == ["email.role"]
    assert found.emails[0].status == "unknown"


def test_reserved_names_large_providers_and_slips_are_never_asked_about() -> None:
    never = ("a@example.com", "a@example.de", "a@firma.example", "a@firma.test", "a@gmx.de", "a@gmial.com", "n/a",
             "a@mailinator.com", "a@localhost")  # fmt: skip
    one = contact(emails=tuple(Email(value=value) for value in (*never, "a@Firma.de")))
    assert list(domains_of(one)) == ["firma.de"]


def test_only_a_clear_no_speaks_against_a_domain() -> None:
    assert {ground for ground in Ground if not takes_mail(ground.value)} == {
        Ground.NULL_MX, Ground.NOTHING, Ground.NO_DOMAIN,
    }  # fmt: skip
    assert takes_mail({"of": "a later release"})


@pytest.mark.parametrize(
    ("events", "bounced"),
    [
        ([], False),
        ([at(0, "hard")], True),
        ([at(0, "soft"), at(1, "soft")], False),
        ([at(0, "soft"), at(1, "soft"), at(2, "soft")], True),
        ([at(0, "soft"), at(40, "soft"), at(80, "soft")], False),
        ([at(0, "hard"), at(1, "alive")], False),
        ([at(0, "alive"), at(1, "hard")], True),
        ([at(0, "soft"), at(1, "soft"), at(2, "alive"), at(3, "soft")], False),
    ],
)
def test_a_mailbox_bounces_in_any_order_of_arrival(events: list[Told], *, bounced: bool) -> None:
    dice = random.Random(1)
    for _ in range(10):
        dice.shuffle(events)
        answer: list[Any] = []
        for event in events:
            answer = folded(answer, [event])
        assert is_bounced(answer) is bounced
        assert folded(answer, events) == answer


def test_a_mailbox_keeps_its_latest_events_only() -> None:
    many = folded(None, [at(day, "soft") for day in range(50)])
    assert len(many) == EVENTS_MAX
    assert many[-1] == at(49, "soft")


def test_an_interaction_tells_about_the_address_it_names() -> None:
    assert told_by(interaction("email.bounced", detail={"kind": "soft"})) == at(0, "soft")
    assert told_by(interaction("email.bounced")) == at(0, "hard")
    assert told_by(interaction("email.clicked")) == at(0, "alive")
    assert told_by(interaction("call")) is None
    assert address_of(interaction("email.bounced", address=" Anna@Firma.de")) == "anna@firma.de"
    assert address_of(interaction("email.bounced", detail={"address": "anna@firma.de"})) == "anna@firma.de"
    assert address_of(interaction("email.bounced")) is None
