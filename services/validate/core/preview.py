"""Preview: a record as a sender writes it, read as the contact it would be if nobody else knew the person."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from shared.domain.addresses import split_street
from shared.domain.contact import Address, Cause, Company, Contact, Email, Member, Name, Origin, Phone
from shared.domain.countries import country_code
from shared.domain.dates import parse_birthday
from shared.domain.mail import parse_email

VALUE_LETTERS_MAX: Final = 1_000
"""The contract's limit of a value (section 3)."""

ITEMS_MAX: Final = 100
"""More addresses or numbers than that belong to nobody."""

Text = Annotated[str, msgspec.Meta(max_length=VALUE_LETTERS_MAX)] | None


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One of several mail addresses or numbers."""

    value: Annotated[str, msgspec.Meta(max_length=VALUE_LETTERS_MAX)]
    kind: Text = None

    def __repr__(self) -> str:
        return "Item(…)"


Items = Annotated[tuple[Item, ...], msgspec.Meta(max_length=ITEMS_MAX)] | None


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """A record object, as `POST /v1/records` takes it; what is not judged is let pass unread."""

    source: Text = None
    source_record_id: Text = None
    salutation: Text = None
    name_prefix: Text = None
    given_name: Text = None
    family_name: Text = None
    name_suffix: Text = None
    full_name: Text = None
    gender: Text = None
    email: Text = None
    emails: Items = None
    phone: Text = None
    phones: Items = None
    street: Text = None
    address_extra: Text = None
    postcode: Text = None
    city: Text = None
    region: Text = None
    country: Text = None
    birthday: Text = None
    company: Text = None
    department: Text = None
    job_title: Text = None
    vat_id: Text = None
    website: Text = None
    language: Text = None
    timezone: Text = None
    owner: Text = None
    attributes: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Submitted(source={self.source})"


def contact_of(record: Submitted, now: datetime) -> Contact:
    """The contact that this record alone would make; values as written where they cannot be read."""
    source = record.source or ""
    emails = _emails(record)
    phones = _phones(record)
    addresses = _addresses(record)
    origin = Origin(source=source, observed_at=now)
    paths = [f"/addresses/{index}" for index in range(len(addresses))]
    person = any((record.given_name, record.family_name, record.full_name))
    return Contact(
        contact_id="",
        version=0,
        kind="organisation" if record.company and not person else "person",
        created_at=now,
        updated_at=now,
        cause=Cause(kind="record", id="", source=source),
        name=_name(record),
        emails=emails,
        phones=phones,
        addresses=addresses,
        birthday=_text(record.birthday) and (parse_birthday(record.birthday) or record.birthday),
        gender=_text(record.gender),
        company=Company(name=_text(record.company), vat_id=_text(record.vat_id)),
        department=_text(record.department),
        job_title=_text(record.job_title),
        website=_text(record.website),
        language=_text(record.language),
        timezone=_text(record.timezone),
        owner=_text(record.owner),
        provenance=dict.fromkeys(paths, origin),
        records=(Member(source=source, record_id=""),),
        records_total=1,
    )


def _name(record: Submitted) -> Name:
    parts = (record.name_prefix, record.given_name, record.family_name, record.name_suffix)
    return Name(
        salutation=_text(record.salutation),
        prefix=_text(record.name_prefix),
        given=_text(record.given_name),
        family=_text(record.family_name),
        suffix=_text(record.name_suffix),
        full=_text(record.full_name) or " ".join(part.strip() for part in parts if part and part.strip()) or None,
    )


def _emails(record: Submitted) -> tuple[Email, ...]:
    said = _said(record.email, record.emails)
    return tuple(
        Email(value=parse_email(item.value).value or item.value, kind=item.kind, preferred=index == 0)
        for index, item in enumerate(said)
    )


def _phones(record: Submitted) -> tuple[Phone, ...]:
    said = _said(record.phone, record.phones)
    return tuple(Phone(value=item.value, kind=item.kind, preferred=index == 0) for index, item in enumerate(said))


def _said(preferred: str | None, others: tuple[Item, ...] | None) -> list[Item]:
    """The preferred one first, each value once."""
    first = [Item(value=preferred)] if _text(preferred) is not None and preferred is not None else []
    found = {item.value.strip(): item for item in reversed((*first, *(others or ()))) if item.value.strip()}
    order = dict.fromkeys(item.value.strip() for item in (*first, *(others or ())) if item.value.strip())
    return [msgspec.structs.replace(found[value], value=value) for value in order]


def _addresses(record: Submitted) -> tuple[Address, ...]:
    street, number = split_street(record.street)
    address = Address(
        street=street,
        house_number=number,
        extra=_text(record.address_extra),
        postcode=_text(record.postcode),
        city=_text(record.city),
        region=_text(record.region),
        country=country_code(record.country) or _text(record.country),
    )
    return () if address == Address() else (address,)


def _text(said: str | None) -> str | None:
    return said.strip() or None if said is not None else None
