"""Interactions: whom they mean, what they move, and under which key they wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.dedup.core.blocking import blocking_keys
from services.dedup.core.interactions import (
    Address,
    Happening,
    Holder,
    Unfound,
    Whom,
    address_keys,
    addressed,
    consenting,
    holder,
    introduced,
)
from shared.domain.events import InteractionReceived, PersonRef
from shared.domain.normalise import Traits
from shared.domain.record import Record, Said

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TRAITS = Traits("r1", "crm", mails=("ute@example.de",), phones=("+491711234567",))


def happening(type_: str, at: datetime = EPOCH, **whom: Any) -> Happening:
    said = InteractionReceived(
        interaction_id="i1", source="newsletter", type=type_, at=at, received_at=EPOCH, contact=PersonRef(**whom)
    )
    return Happening("e1", said)


def test_an_address_waits_under_the_very_key_by_which_records_are_found() -> None:
    """Harm: with another key a record that arrives at the same moment neither is found nor finds what waits."""
    assert set(address_keys(TRAITS)) <= set(blocking_keys(TRAITS))
    mail = addressed(happening("call", email="UTE@example.de").said, "DE")
    phone = addressed(happening("call", phone="0171 1234567").said, "DE")
    assert mail is not None
    assert phone is not None
    assert {mail.key, phone.key} == set(address_keys(TRAITS))


@pytest.mark.parametrize("whom", [{"email": "nobody"}, {"phone": "12"}, {}])
def test_what_is_no_address_names_nobody(whom: dict[str, Any]) -> None:
    assert addressed(happening("call", **whom).said, "DE") is None


def holders(*some: tuple[str, str, str | None]) -> list[Holder]:
    return [Holder(record, source, contact, TRAITS) for record, source, contact in some]


def test_the_record_of_the_same_source_comes_first_else_the_smallest() -> None:
    assert holder("crm", holders(("r1", "webform", "c"), ("r2", "crm", "c"))) == "r2"
    assert holder("hubspot", holders(("r2", "crm", "c"), ("r1", "webform", "c"))) == "r1"


def test_an_address_of_two_contacts_is_shared_and_of_none_unknown() -> None:
    assert holder("crm", holders(("r1", "crm", "c1"), ("r2", "crm", "c2"))) is Unfound.SHARED
    assert holder("crm", ()) is Unfound.UNKNOWN


def test_records_of_this_batch_count_only_where_nobody_else_has_the_address() -> None:
    assert holder("crm", holders(("r1", "crm", None), ("r2", "crm", "c2"))) == "r2"
    assert holder("crm", holders(("r1", "crm", None))) == "r1"
    assert holder("crm", holders(("r1", "crm", None), ("r2", "crm", None))) is Unfound.SHARED


def test_only_subscribing_and_registering_introduce_somebody() -> None:
    mail = Address(Whom.MAIL, "a@example.de", "A@Example.de")
    told = introduced(happening("newsletter.subscribed", email="A@Example.de"), mail)
    assert told is not None
    assert told.patch.fields == {"email": "A@Example.de"}
    assert [(one.status, one.address) for one in told.patch.consents] == [("pending", "A@Example.de")]
    assert introduced(happening("event.registered", email="A@Example.de"), mail) is not None
    assert introduced(happening("email.opened", email="A@Example.de"), mail) is None
    assert introduced(happening("event.registered", record_id="r"), Address(Whom.RECORD, "r", "")) is None


def test_consent_moves_with_the_time_of_what_happened_unless_its_clock_is_wrong() -> None:
    record = Record(
        record_id="r1", source="crm", fields={"email": Said("a@example.de", EPOCH, "e0")}, first_received_at=EPOCH
    )
    confirmed = consenting(happening("newsletter.confirmed", at=EPOCH + timedelta(minutes=4), record_id="r1"), record)
    assert confirmed is not None
    assert [(one.status, one.address) for one in confirmed.patch.consents] == [("granted", "a@example.de")]
    assert confirmed.patch.observed_at == EPOCH + timedelta(minutes=4)
    ahead = consenting(happening("newsletter.unsubscribed", at=EPOCH + timedelta(days=1), record_id="r1"), record)
    assert ahead is not None
    assert ahead.patch.observed_at == EPOCH
    assert consenting(happening("email.opened", record_id="r1"), record) is None


def test_no_repr_shows_an_address() -> None:
    assert "example" not in repr(Address(Whom.MAIL, "a@example.de", "a@example.de"))
