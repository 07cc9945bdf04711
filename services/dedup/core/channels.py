"""Channels: the mail addresses, numbers and postal addresses of a contact, each once, the preferred one first."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, cast

import msgspec

from services.dedup.core.candidates import TIED, USUAL, Candidate, Criterion, SourceView, Survivor, lone, rank, survive
from shared.domain.addresses import city_key, house_key, postcode_key, split_street, street_key
from shared.domain.contact import Address, Email, Origin, Phone
from shared.domain.countries import country_code
from shared.domain.mail import is_nobodys_mail, mail_kind, parse_email
from shared.domain.phone import PhoneKind, parse_phone
from shared.domain.record import Json, Record
from shared.domain.spelling import completeness_of, recase
from shared.domain.text import fold, meant

EMAILS_MAX = PHONES_MAX = 20
"""Addresses and numbers of one channel that a contact carries: more are a list, and a message has its size."""

ADDRESSES_MAX: Final = 10
"""Postal addresses that a contact carries, the newest and most trusted."""

PREFERRED: Final = "preferred"
"""Why an address leads among equals: its source said it as the one to be used."""

Origins = dict[str, Origin]


class _Item(msgspec.Struct, frozen=True):
    text: str
    kind: str | None
    preferred: bool
    at: datetime


def emails_of(
    members: Sequence[Record], sources: Mapping[str, SourceView], order: Sequence[Criterion]
) -> tuple[tuple[Email, ...], Origins]:
    """Each mailbox once, the preferred first: said as `email`, readable, a person's own, then by `order`.

    What cannot be read stays as it was written, last and never preferred while another can be.
    """
    found = [
        (one, item) for record in members for item in _items(record, "email") for one in _mail(record, item, sources)
    ]
    ranked = _distinct(found, order)
    emails = tuple(
        Email(value=one.value, kind=item.kind, preferred=place == 0)
        for place, (one, item, _) in enumerate(ranked[:EMAILS_MAX])
    )
    return emails, {f"/emails/{place}": found.origin for place, (_, _, found) in enumerate(ranked[:EMAILS_MAX])}


def phones_of(
    members: Sequence[Record], sources: Mapping[str, SourceView], order: Sequence[Criterion]
) -> tuple[tuple[Phone, ...], Origins]:
    """Each number once, E.164 where it can be read; the preferred first, as for mail."""
    found = [
        (one, item) for record in members for item in _items(record, "phone") for one in _number(record, item, sources)
    ]
    ranked = _distinct(found, order)
    phones = tuple(
        Phone(value=one.value, kind=item.kind or _kind_of(one), preferred=place == 0)
        for place, (one, item, _) in enumerate(ranked[:PHONES_MAX])
    )
    return phones, {f"/phones/{place}": found.origin for place, (_, _, found) in enumerate(ranked[:PHONES_MAX])}


def addresses_of(
    members: Sequence[Record], sources: Mapping[str, SourceView], order: Sequence[Criterion]
) -> tuple[tuple[Address, ...], Origins]:
    """Each postal address once, the one that leads first.

    A part of another address (only its city) is not one of its own, but lends what the fuller one lacks.
    """
    found = [one for record in members if (one := _postal(record, sources)) is not None]
    if not found:
        return (), {}
    if len(found) == 1:
        return (cast(Address, found[0].value),), {"/addresses/0": lone(found[0]).origin}
    ranked = rank(found, order)
    kept: list[list[Candidate]] = []
    for one in sorted(ranked, key=lambda each: (-each.complete[2], ranked.index(each))):
        home = next((group for group in kept if _within(one, group[0])), None)
        kept.append([one]) if home is None else home.append(one)
    groups = sorted(kept, key=lambda group: min(ranked.index(one) for one in group))[:ADDRESSES_MAX]
    origins: Origins = {}
    for place, group in enumerate(groups):
        same = [msgspec.structs.replace(one, key=group[0].key) for one in group]
        rivals = [one for other in groups if other is not group for one in other]
        survivor = survive([*same, *rivals], order) if place == 0 else survive(same, order)
        assert survivor is not None
        origins[f"/addresses/{place}"] = survivor.origin
    return tuple(_shown(group) for group in groups), origins


def _items(record: Record, field: str) -> list[_Item]:
    """The preferred value of a channel and its list, as texts with the time they were said."""
    found: list[_Item] = []
    if (said := record.fields.get(field)) is not None and isinstance(said.value, str) and meant(said.value):
        found.append(_Item(said.value.strip(), None, preferred=True, at=said.at))
    many = record.fields.get(f"{field}s")
    for item in record.items(f"{field}s"):
        text, kind = _value_and_kind(item)
        if many is not None and text is not None and meant(text):
            found.append(_Item(text.strip(), kind, preferred=False, at=many.at))
    return found


def _value_and_kind(item: Json) -> tuple[str | None, str | None]:
    if isinstance(item, str):
        return item, None
    if not isinstance(item, dict):
        return None, None
    parts = cast(dict[str, Json], item)
    value, kind = parts.get("value"), parts.get("kind")
    return value if isinstance(value, str) else None, kind if isinstance(kind, str) else None


def _mail(record: Record, item: _Item, sources: Mapping[str, SourceView]) -> Iterable[Candidate]:
    read = parse_email(item.text)
    nobodys = read.canonical is not None and is_nobodys_mail(read.canonical)
    # How good an address is for reaching this person: said as the preferred one, one's own, not a function's.
    good = (read.ok and not nobodys, item.preferred, int(mail_kind(read.canonical or "") == "personal"))
    yield Candidate(
        read.value or item.text, read.canonical or fold(item.text), record.source, record.record_id, item.at,
        sources.get(record.source, USUAL).trust, read.ok and not nobodys, good,
    )  # fmt: skip


def _number(record: Record, item: _Item, sources: Mapping[str, SourceView]) -> Iterable[Candidate]:
    view = sources.get(record.source, USUAL)
    read = parse_phone(item.text, country_code(record.text("country")) or view.country)
    good = (read.valid, item.preferred, int(read.kind == "mobile"))
    yield Candidate(
        read.e164 or item.text, read.e164 or fold(item.text), record.source, record.record_id, item.at,
        view.trust, read.e164 is not None, good,
    )  # fmt: skip


def _kind_of(number: Candidate) -> PhoneKind | None:
    """Mobile or fixed, for a number in E.164: behind a plus the country changes only how fast it is read."""
    if number.complete[2]:
        return "mobile"
    return parse_phone(number.value, "DE").kind if number.value.startswith("+") else None


def _distinct(
    found: list[tuple[Candidate, _Item]], order: Sequence[Criterion]
) -> list[tuple[Candidate, _Item, Survivor]]:
    """One entry per key, the preferred first, with the item that names its kind and the survivor that says why."""
    if len(found) < 2:
        return [(one, item, lone(one)) for one, item in found]
    ranked = rank([one for one, _ in found], order)
    ranked.sort(key=lambda one: (one.complete[0], one.complete[1]), reverse=True)
    entries: list[tuple[Candidate, _Item, Survivor]] = []
    for key in dict.fromkeys(one.key for one in ranked):
        same = [(one, item) for one, item in found if one.key == key]
        every = [one for one, _ in found] if not entries else [one for one, _ in same]
        survivor = survive([one for one in every if one.key == key or not entries], order)
        if survivor is not None and survivor.key != key:
            survivor = survive([one for one, _ in same], order)
        assert survivor is not None
        best = rank([one for one, _ in same], order)[0]
        kinds = sorted({item.kind for _, item in same if item.kind})
        item = next(item for one, item in same if one == best)
        if item.preferred and survivor.origin.why == TIED:
            survivor = msgspec.structs.replace(survivor, origin=msgspec.structs.replace(survivor.origin, why=PREFERRED))
        entries.append((best, msgspec.structs.replace(item, kind=item.kind or next(iter(kinds), None)), survivor))
    return entries


_PARTS: Final = ("street", "house_number", "postcode", "city", "country")


def _postal(record: Record, sources: Mapping[str, SourceView]) -> Candidate | None:
    """The address of a record, or None where it says nothing of one."""
    stamps = [each.at for field in ("street", "postcode", "city", "country") if (each := record.fields.get(field))]
    if not stamps:
        return None
    view = sources.get(record.source, USUAL)
    street, house = split_street(meant(record.text("street")))
    said = {field: meant(record.text(field)) for field in ("address_extra", "postcode", "city", "region", "country")}
    code = country_code(said["country"])
    address = Address(
        street=recase(street), house_number=house, extra=said["address_extra"],
        postcode=postcode_key(said["postcode"], code or view.country) if said["postcode"] else None,
        city=recase(said["city"]), region=said["region"], country=code or said["country"],
    )  # fmt: skip
    keys = _keys(address)
    filled = sum(map(bool, keys))
    if not filled:
        return None
    full = bool(address.street and (address.postcode or address.city))
    mixed, marked, _ = completeness_of(" ".join(filter(None, (address.street, address.city))))
    return Candidate(
        address, "|".join(keys), record.source, record.record_id, max(stamps), view.trust, full, (mixed, marked, filled)
    )


def _keys(address: Address) -> tuple[str, str, str, str, str]:
    """The parts as they are compared, empty where nothing is said."""
    return (
        street_key(address.street) if address.street else "",
        house_key(address.house_number) if address.house_number else "",
        address.postcode.upper() if address.postcode else "",
        city_key(address.city) if address.city else "",
        fold(address.country) if address.country else "",
    )


def _within(part: Candidate, whole: Candidate) -> bool:
    """True when an address says nothing that another contradicts, and shares at least something with it."""
    pairs = list(zip(part.key.split("|"), whole.key.split("|"), strict=True))
    if any(mine and theirs and mine != theirs for mine, theirs in pairs):
        return False
    street, house = pairs[0], pairs[1]
    placed = any(mine and theirs for mine, theirs in pairs[2:4])
    if street[0] and not street[1]:
        return False
    if street[0] and street[1]:
        return placed and not (house[0] and not house[1])
    return placed or not any(mine for mine, _ in pairs[:4])


def _shown(group: Sequence[Candidate]) -> Address:
    """The fullest spelling, with gaps filled from what else was said of the same address."""
    best = max(group, key=lambda one: (one.complete[2], one.complete[0], one.complete[1], one.record_id))
    shown = cast(Address, best.value)
    for one in sorted(group, key=lambda each: each.record_id):
        other = cast(Address, one.value)
        gaps = {
            field: getattr(other, field)
            for field in ("extra", "region", *_PARTS)
            if getattr(shown, field) is None and getattr(other, field) is not None
        }
        shown = msgspec.structs.replace(shown, **gaps) if gaps else shown
    return shown
