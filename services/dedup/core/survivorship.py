"""Survivorship: which value of each field lives on. The golden record is a pure function of a contact's records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from services.dedup.core.candidates import (
    DEFAULT_ORDER,
    FORMER_MAX,
    USUAL,
    Candidate,
    Criterion,
    SourceView,
    Survivor,
    former_values,
    survive,
)
from services.dedup.core.channels import addresses_of, emails_of, phones_of
from services.dedup.core.naming import name_of
from shared.domain.addresses import company_key
from shared.domain.consent import consent_states
from shared.domain.contact import Cause, Company, Contact, Former, Kind, Member, Origin
from shared.domain.dates import PLACEHOLDER_DATES, parse_birthday
from shared.domain.names import sex_of
from shared.domain.record import Json, Record
from shared.domain.spelling import completeness_of
from shared.domain.text import fold, is_placeholder

__all__ = ["SourceView", "changed_paths", "golden_record"]

RECORDS_SHOWN: Final = 100
"""Records listed in a contact; `records_total` counts all. A hundred ids are 15 KiB of a message of 512."""

SOCIAL_PROFILES_MAX: Final = 20
"""Profiles listed in a contact: more are a list of links, not a person's."""

_PLAIN: Final = ("department", "job_title", "language", "timezone", "owner", "website")
_SEXES: Final = {"m": "male", "f": "female"}
_UNSEEN: Final = frozenset(
    {"version", "cause", "changed", "updated_at", "provenance", "quality", "priority", "records_total"}
)


class _Said(msgspec.Struct, frozen=True):
    """The records of a contact with what is needed to weigh them."""

    members: Sequence[Record]
    fields: frozenset[str]
    sources: Mapping[str, SourceView]
    orders: Mapping[str, Sequence[Criterion]]

    def order(self, field: str) -> Sequence[Criterion]:
        return self.orders.get(field) or self.orders.get("default") or DEFAULT_ORDER

    def survivor(self, field: str) -> Survivor | None:
        if field not in self.fields and not (field == "gender" and "salutation" in self.fields):
            return None
        return survive(_candidates(field, self.members, self.sources), self.order(field))


def golden_record(  # noqa: PLR0913  (a contact is made of all of this, and each is named at the call)
    contact_id: str,
    members: Sequence[Record],
    sources: Mapping[str, SourceView],
    *,
    version: int,
    cause: Cause,
    created_at: datetime,
    updated_at: datetime,
    merged_from: Sequence[str] = (),
    former: Sequence[Former] = (),
    orders: Mapping[str, Sequence[Criterion]] | None = None,
) -> Contact:
    """The contact as its records make it: the same for every order of `members`, records taken back set aside.

    `orders` says by field (names of a record, or `default`) which criteria decide; `former` are values that no record
    says any more. Placeholders are nothing; a wrong value stays if nothing better is there, for validation to find.
    """
    live = sorted((one for one in members if one.live), key=_place)
    said = _Said(live, frozenset().union(*(one.fields for one in live)), sources, orders or {})
    name = name_of(said.members, sources, said.order("name"))
    emails, mail_origins = emails_of(said.members, sources, said.order("email"))
    phones, phone_origins = phones_of(said.members, sources, said.order("phone"))
    addresses, address_origins = addresses_of(said.members, sources, said.order("address"))
    single = {field: said.survivor(field) for field in ("birthday", "gender", "company", "vat_id", *_PLAIN)}
    attributes, attribute_origins = _attributes(said)
    company = Company(name=_value(single["company"]), vat_id=_value(single["vat_id"]))
    paths = {"company": "/company/name", "vat_id": "/company/vat_id"}
    origins = {paths.get(field, f"/{field}"): one.origin for field, one in single.items() if one is not None}
    lost = [lost_one for field, one in single.items() for lost_one in former_values(paths.get(field, f"/{field}"), one)]
    return Contact(
        contact_id=contact_id,
        version=version,
        kind=_kind(company, has_name=bool(name.name.given or name.name.family)),
        created_at=created_at,
        updated_at=updated_at,
        cause=cause,
        name=name.name,
        emails=emails,
        phones=phones,
        addresses=addresses,
        birthday=_value(single["birthday"]),
        gender=_value(single["gender"]),
        company=company,
        department=_value(single["department"]),
        job_title=_value(single["job_title"]),
        language=_value(single["language"]),
        timezone=_value(single["timezone"]),
        owner=_value(single["owner"]),
        website=_value(single["website"]),
        social_profiles=_profiles(said.members),
        consents=consent_states(consent for one in said.members for consent in one.consents),
        attributes=attributes,
        provenance=dict(
            sorted(
                (name.origins | mail_origins | phone_origins | address_origins | origins | attribute_origins).items()
            )
        ),
        former=_formers((*name.former, *lost, *former), dict(_leading(single, paths, name.leading))),
        records=tuple(
            Member(source=one.source, source_record_id=one.source_record_id, record_id=one.record_id)
            for one in said.members[:RECORDS_SHOWN]
        ),
        records_total=len(said.members),
        merged_from=tuple(sorted(set(merged_from) - {contact_id})),
    )


def changed_paths(before: Contact | None, after: Contact) -> tuple[str, ...]:
    """The top-level paths in which two versions differ, sorted; all that hold something where there was none before.

    Version, cause, times, provenance and what rides along (contract, section 4) do not count.
    """
    empty = Contact(
        contact_id=after.contact_id,
        version=0,
        created_at=after.created_at,
        updated_at=after.updated_at,
        cause=after.cause,
    )
    old = before if before is not None else empty
    return tuple(
        sorted(
            f"/{field}"
            for field in Contact.__struct_fields__
            if field not in _UNSEEN and getattr(old, field) != getattr(after, field)
        )
    )


def _place(record: Record) -> tuple[str, str, str]:
    return record.source, record.source_record_id or "", record.record_id


def _candidates(field: str, members: Sequence[Record], sources: Mapping[str, SourceView]) -> list[Candidate]:
    found: list[Candidate] = []
    for record in members:
        text = record.text(field)
        view = sources.get(record.source, USUAL)
        read = _read(field, text) if text else None
        if read is None and field == "gender":
            text = record.text("salutation")
            read = _read(field, text) if text else None
            said = record.fields.get("salutation")
        else:
            said = record.fields.get(field)
        if read is None or said is None:
            continue
        value, key, valid = read
        found.append(
            Candidate(
                value, key, record.source, record.record_id, said.at, view.trust, valid, completeness_of(text or "")
            )
        )
    return found


def _read(field: str, text: str) -> tuple[str, str, bool] | None:
    """Value, key and validity of one text, or None where nothing was meant."""
    bare = text.strip()
    if is_placeholder(bare):
        return None
    match field:
        case "birthday":
            read = parse_birthday(bare)
            return None if read in PLACEHOLDER_DATES else (read or bare, read or bare, read is not None)
        case "gender":
            sex = sex_of(bare)
            return (_SEXES[sex], sex, True) if sex else _other_gender(bare)
        case "company":
            return bare, company_key(bare), True
        case "language":
            return bare.lower(), bare.lower(), len(bare) in (2, 3, 5)
        case _:
            return bare, fold(bare), True


def _other_gender(text: str) -> tuple[str, str, bool] | None:
    """Only what speaks of a gender; a salutation such as "Hallo" says nothing."""
    if fold(text) in ("d", "divers", "diverse", "x", "nonbinary", "non-binary", "nichtbinaer", "inter"):
        return "diverse", "diverse", True
    return None


def _attributes(said: _Said) -> tuple[dict[str, Json], dict[str, Origin]]:
    """Per key the value that lives on, by the same rule as fields."""
    values: dict[str, Json] = {}
    origins: dict[str, Origin] = {}
    for key in sorted({key for record in said.members for key in record.attributes}):
        candidates = [
            Candidate(
                held.value,
                msgspec.json.encode(held.value, order="deterministic").decode(),
                record.source,
                record.record_id,
                held.at,
                said.sources.get(record.source, USUAL).trust,
            )
            for record in said.members
            if (held := record.attributes.get(key)) is not None and held.value is not None
        ]
        survivor = survive(candidates, said.order(f"attributes.{key}"))
        if survivor is not None:
            values[key] = survivor.value
            origins[f"/attributes/{_escaped(key)}"] = survivor.origin
    return values, origins


def _escaped(key: str) -> str:
    """A key within a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _profiles(members: Sequence[Record]) -> tuple[str, ...]:
    said = {
        item.strip().rstrip("/")
        for record in members
        for item in record.items("social_profiles")
        if isinstance(item, str) and item.strip()
    }
    return tuple(sorted(said)[:SOCIAL_PROFILES_MAX])


def _value(survivor: Survivor | None) -> str | None:
    return None if survivor is None else survivor.value


def _kind(company: Company, *, has_name: bool) -> Kind:
    return "organisation" if company.name is not None and not has_name else "person"


def _leading(
    single: Mapping[str, Survivor | None], paths: Mapping[str, str], names: Mapping[str, str]
) -> list[tuple[str, Json]]:
    held = [(paths.get(field, f"/{field}"), one.value) for field, one in single.items() if one is not None]
    return [*held, *names.items()]


def _formers(every: Sequence[Former], leading: Mapping[str, Json]) -> tuple[Former, ...]:
    """Each former value once with its latest time, the newest first; what leads again is not former."""
    latest: dict[tuple[str, str], Former] = {}
    for one in every:
        key = one.path, str(one.value)
        if leading.get(one.path) != one.value and (key not in latest or one.until > latest[key].until):
            latest[key] = one
    newest = sorted(latest.values(), key=lambda one: (one.path, str(one.value)))
    newest.sort(key=lambda one: one.until, reverse=True)
    return tuple(newest[:FORMER_MAX])
