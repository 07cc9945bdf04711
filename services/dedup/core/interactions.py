"""Interactions: whose record something that happened belongs to, and what it moves there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from services.dedup.core.folding import COUNTRY, Told
from shared.domain.events import InteractionReceived
from shared.domain.ids import derived_id
from shared.domain.normalise import Traits, parse_email, parse_phone
from shared.domain.record import Consent, Patch, Record

INTRODUCES: Final = frozenset({"newsletter.subscribed", "event.registered"})
"""Types by which somebody unknown with an address becomes a contact (contract section 3)."""

MOVES_CONSENT: Final = {
    "consent.confirmed": "granted",
    "newsletter.confirmed": "granted",
    "newsletter.unsubscribed": "withdrawn",
}
"""Types that move the consent of an address, and to what; the first says in its detail for which purpose."""

AHEAD_MAX: Final = timedelta(minutes=5)
"""A clock that is further ahead than this is wrong; what it stamps counts as arrival (contract section 3)."""

PARKED: Final = timedelta(days=30)
"""How long an interaction waits for its person (contract section 3)."""


class Whom(StrEnum):
    """How an interaction names its person."""

    RECORD = "record"
    CONTACT = "contact"
    MAIL = "mail"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Address:
    """Whom an interaction is about, in canonical form. The repr shows no value."""

    whom: Whom
    value: str
    text: str

    def __repr__(self) -> str:
        return f"Address({self.whom})"

    @property
    def key(self) -> int:
        """The key that is locked while it is looked up, and under which what finds nobody waits.

        For mail and phone it is the very blocking key of records with that address, so that a record that arrives at
        the same moment either is found or finds what waits.
        """
        return key_of(f"{self.whom.value}|{self.value}")


@dataclass(frozen=True, slots=True)
class Happening:
    """One interaction to be resolved. `waited`: it comes from where it was parked, not from the topic; `record_id`: it
    was resolved before, and comes back from a backup.
    """

    event_id: str
    said: InteractionReceived
    waited: bool = False
    traceparent: str | None = None
    record_id: str | None = None


class Unfound(StrEnum):
    """Why an interaction has no record yet."""

    UNKNOWN = "unknown"
    """Nobody has this address, record or contact."""
    SHARED = "shared"
    """Several contacts have this address: whose it is, the address alone cannot say."""
    HOPELESS = "hopeless"
    """It names nobody who could ever come: an unreadable address, a contact id that is none."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A live record that an address may mean, with its contact (None: it came in this very batch)."""

    record_id: str
    source: str
    contact_id: str | None
    traits: Traits


def key_of(text: str) -> int:
    """A signed 64-bit key, equal on every machine."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big", signed=True)


def moment_of(said: InteractionReceived) -> datetime:
    """When it happened; what a wrong clock stamps as later than its arrival happened when it came."""
    return said.at if said.at <= said.received_at + AHEAD_MAX else said.received_at


def record_key(record_id: str) -> int:
    """The key that is locked by whoever changes this record."""
    return key_of(f"record|{record_id}")


def addressed(said: InteractionReceived, country: str | None) -> Address | None:
    """Whom an interaction names, None where what it names can be nobody's."""
    ref = said.contact
    if ref.record_id is not None:
        return Address(Whom.RECORD, ref.record_id, "")
    if ref.contact_id is not None:
        return Address(Whom.CONTACT, ref.contact_id, "")
    if ref.email is not None:
        canonical = parse_email(ref.email).canonical
        return None if canonical is None else Address(Whom.MAIL, canonical, ref.email)
    e164 = parse_phone(ref.phone, country or COUNTRY).e164 if ref.phone is not None else None
    return None if e164 is None else Address(Whom.PHONE, e164, ref.phone or "")


def address_keys(traits: Traits | None) -> list[int]:
    """Under which keys interactions may wait for a record with these traits."""
    if traits is None:
        return []
    return [key_of(f"mail|{mail}") for mail in traits.mails] + [key_of(f"phone|{phone}") for phone in traits.phones]


def has(traits: Traits, address: Address) -> bool:
    """True when a record with these traits has the address."""
    return address.value in (traits.mails if address.whom is Whom.MAIL else traits.phones)


def holder(source: str, holders: Iterable[Holder]) -> str | Unfound:
    """The record that an address means: of the one contact that has it, that of the same source, else the smallest id.

    Records that came in this batch have no contact yet; they count only where no other has the address, and then only
    if it is one record.
    """
    found = sorted(holders, key=lambda one: (one.source != source, one.record_id))
    settled = [one for one in found if one.contact_id is not None]
    if not found:
        return Unfound.UNKNOWN
    if not settled:
        return found[0].record_id if len(found) == 1 else Unfound.SHARED
    return settled[0].record_id if len({one.contact_id for one in settled}) == 1 else Unfound.SHARED


def introduced(happening: Happening, address: Address | None) -> Told | None:
    """The record that somebody unknown becomes by this interaction, None for types that introduce nobody."""
    said = happening.said
    if said.type not in INTRODUCES or address is None or address.whom not in (Whom.MAIL, Whom.PHONE):
        return None
    field = "email" if address.whom is Whom.MAIL else "phone"
    consents = (_consent(said, address.text, "pending"),) if said.type == "newsletter.subscribed" else ()
    return _told(happening, introduced_id(happening), {field: address.text}, consents if field == "email" else ())


def introduced_id(happening: Happening) -> str:
    """The id of the record that this interaction would make: it follows from the event, so it is made once."""
    return derived_id("record.introduced", happening.event_id)


def consenting(happening: Happening, record: Record) -> Told | None:
    """What this interaction says about consent, as a patch of the record; None where it says nothing."""
    said = happening.said
    status = MOVES_CONSENT.get(said.type)
    if status is None or _purpose(said) is None:
        return None
    named = said.contact.email or said.detail.get("email")
    address = named if isinstance(named, str) else record.text("email")
    told = _told(happening, record.record_id, {}, (_consent(said, address, status),))
    return Told(record.record_id, record.source, record.source_record_id, told.received_at, told.patch)


def _told(happening: Happening, record_id: str, fields: dict[str, str], consents: Sequence[Consent]) -> Told:
    said = happening.said
    patch = Patch(event_id=happening.event_id, observed_at=moment_of(said), fields=fields, consents=tuple(consents))
    return Told(record_id, said.source, None, said.received_at, patch)


def _purpose(said: InteractionReceived) -> str | None:
    """What the consent is for; None where a confirmed one does not say."""
    if said.type != "consent.confirmed":
        return "newsletter"
    named = said.detail.get("purpose")
    return named if isinstance(named, str) and named.strip() else None


def _consent(said: InteractionReceived, address: str | None, status: str) -> Consent:
    proof = {"interaction_id": said.interaction_id, "source": said.source}
    if status == "granted":
        proof["confirmed_at"] = said.at.isoformat()
    purpose = _purpose(said) or "newsletter"
    return Consent(purpose=purpose, channel="email", status=status, address=address, at=said.at, proof=proof)
