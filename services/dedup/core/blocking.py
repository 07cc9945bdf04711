"""Blocking: which records are compared at all. Two records are candidates when they share one key that is not generic.

About a dozen keys a record; what each finds alone on CRM data stands in facts (matching, section 4): surname with
initial most, then phonetics, company with name, mail local part, name prefix, street.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from services.dedup.core.phonetics import cologne
from shared.domain.mail import mail_kind
from shared.domain.names import roots_of
from shared.domain.normalise import Traits
from shared.domain.text import flat

LOCAL_MIN: Final = 5
"""Shorter local parts (anna, max) name thousands of people at thousands of domains; what many share is generic."""

PHONE_TAIL: Final = 7
"""Last digits by which a number is found whatever was written before them: enough to be rare, few enough for a
forgotten area code or country."""

PREFIX: Final = 4
"""Letters of each name in the prefix key: typing errors are rarer at the beginning."""

ROOTS_MAX: Final = 3
"""Names a pet form may stand for that become keys: more would join half the alphabet through Al and Jo."""


def blocking_keys(traits: Traits) -> tuple[int, ...]:
    """The blocking keys of a record: sorted, distinct, signed 64-bit, equal on every machine and in every release."""
    return tuple(sorted({_key(text) for text in _texts(traits)}))


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


def _texts(traits: Traits) -> Iterator[str]:
    yield from _reachable(traits)
    given = flat("".join(traits.given[:2])) if traits.given and len(traits.given[0]) > 1 else ""
    first = traits.given[0] if traits.given else traits.guessed_given or ""
    family = flat("".join(traits.family)) if traits.family else flat(traits.guessed_family or "")
    if traits.kind == "organisation":
        yield from _organisation(traits)
        return
    if family:
        yield from _named(traits, first, family)
    yield from _placed(traits, flat(first) or given, family)


def _reachable(traits: Traits) -> Iterator[str]:
    for mail in traits.mails:
        yield f"mail|{mail}"
        local = "".join(filter(str.isalnum, mail.partition("@")[0]))
        if len(local) >= LOCAL_MIN and mail_kind(mail) != "role":
            yield f"local|{local}"
    for phone in traits.phones:
        yield f"phone|{phone}"
        yield f"tail|{phone[-PHONE_TAIL:]}"


def _named(traits: Traits, first: str, family: str) -> Iterator[str]:
    initial = first[:1]
    yield f"initial|{family}|{initial}"
    for part in traits.family if len(traits.family) > 1 else ():
        yield f"initial|{flat(part)}|{initial}"
    if len(first) < 2:
        return
    known = flat(first)
    low, high = sorted((known, family))
    yield f"name|{low}|{high}"
    yield "prefix|{}|{}".format(*sorted((known[:PREFIX], family[:PREFIX])))
    yield "sound|{}|{}".format(*sorted((cologne(first), cologne("".join(traits.family) or family))))
    if len(family) == 1:
        yield f"initial|{known}|{family}"
    for root in roots_of(first)[: ROOTS_MAX + 1]:
        yield f"root|{family}|{flat(root)}"


def _placed(traits: Traits, first: str, family: str) -> Iterator[str]:
    place = traits.postcode or traits.city
    if traits.street and place:
        yield f"street|{traits.street}|{traits.house_number or ''}|{place}"
    names = {name for name in (first, family) if len(name) > 1}
    if place:
        for beginning in {name[:PREFIX] for name in names}:
            yield f"place|{place}|{beginning}"
    if traits.birthday:
        yield from _born(traits.birthday, place, names or {name for name in (first, family) if name})
    if traits.company:
        for name in names:
            yield f"company|{traits.company[:12]}|{name}"


def _born(birthday: str, place: str | None, names: set[str]) -> Iterator[str]:
    """A birthday says much, and is often half wrong: the whole of it, its year and its day each find by themselves.
    Day and month stand in the order of their size, so that turned ones have the same keys.
    """
    year, day = birthday[:4], "-".join(sorted(birthday[5:].split("-")))
    for initial in {name[0] for name in names}:
        yield f"born|{year}-{day}|{initial}"
        if place:
            yield f"aged|{year}|{place}|{initial}"
    for sound in {cologne(name) for name in names} - {""}:
        yield f"year|{year}|{sound}"
        yield f"day|{day}|{sound}"
    if place:
        yield f"born|{year}-{day}|{place}"


def _organisation(traits: Traits) -> Iterator[str]:
    if traits.company:
        yield f"organisation|{traits.company.replace(' ', '')[:12]}"
    for domain in traits.domains:
        yield f"domain|{domain}"
    if traits.vat_id:
        yield f"vat|{traits.vat_id}"
    place = traits.postcode or traits.city
    if traits.street and place:
        yield f"street|{traits.street}|{traits.house_number or ''}|{place}"
