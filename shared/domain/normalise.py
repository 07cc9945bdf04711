"""Normalising: the comparable form of a record, which is all that matching ever sees of it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from shared.domain.addresses import city_key, company_key, house_key, postcode_key, split_street, street_key
from shared.domain.countries import country_code
from shared.domain.dates import known_birthday, parse_birthday
from shared.domain.identifiers import identifiers
from shared.domain.mail import (
    EmailReading,
    is_free_mail,
    is_nobodys_mail,
    is_role_local,
    mail_kind,
    parse_email,
)
from shared.domain.names import generation_of, given_sexes, read_name, sex_of
from shared.domain.phone import PhoneReading, parse_phone
from shared.domain.record import Json, Record
from shared.domain.text import is_placeholder, meant, words_of

__all__ = [
    "EmailReading", "PhoneReading", "Traits", "country_code", "is_free_mail", "is_placeholder", "is_role_local",
    "parse_birthday", "parse_email", "parse_phone", "split_street", "traits_of",
]  # fmt: skip

ADDRESSES_MAX: Final = 8
"""Mail addresses and numbers of one record that are compared: more belong to a list, not to a person."""

NAME_WORDS_MAX: Final = 6
"""Given names and family parts compared: longer names are sentences in a name field."""


FORMS: Final = 2
"""The version of comparable forms and of the keys made of them. Whoever changes what either comes to raises it: stored
records are then read anew (docs/decisions/0015-forms.md)."""


class Traits(msgspec.Struct, frozen=True, array_like=True):
    """One record in comparable form: folded, canonical, placeholders gone. Its repr shows the id only.

    `given` in order, single letters are initials; `family` without particles; `guessed_given` and `guessed_family` are
    read from the form of a mail address where the field itself is empty, so they may support but never contradict.
    `mails` are canonical mailboxes, `domains` those of businesses, `phones` E.164; `street` to `city` are keys.
    `unique` and `unique_per_person` are the ids that its source declares as such, by name.
    """

    record_id: str
    source: str
    kind: Literal["person", "organisation"] = "person"
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    guessed_given: str | None = None
    guessed_family: str | None = None
    sex: str | None = None
    generation: str | None = None
    mails: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    street: str | None = None
    house_number: str | None = None
    postcode: str | None = None
    city: str | None = None
    country: str | None = None
    birthday: str | None = None
    company: str | None = None
    vat_id: str | None = None
    unique: tuple[tuple[str, str], ...] = ()
    unique_per_person: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Traits({self.record_id}, {self.kind})"


def traits_of(
    record: Record,
    country: str | None = "DE",
    unique: Sequence[str] = (),
    unique_per_person: Sequence[str] = (),
) -> Traits:
    """The comparable form of a record. `country` is the region its source writes numbers and postcodes for; the others
    name what the source declares as ids (shared/domain/identifiers.py).

    Never fails on what a source wrote: what cannot be read is simply not compared.
    """
    said = {field: one.value for field, one in record.fields.items() if isinstance(one.value, str)}
    text = said.get
    name = read_name(text("given_name"), text("family_name"), text("full_name"))
    given, family = name.given[:NAME_WORDS_MAX], name.family[:NAME_WORDS_MAX]
    mails, domains = _mailboxes(_texts(said.get("email"), record.items("emails")))
    company_name = meant(text("company"))
    company = company_key(company_name) if company_name else None
    guessed_given, guessed_family = _guess(given, family, mails)
    nation = country_code(text("country"))
    home = nation or country
    street, house = split_street(meant(text("street")))
    postcode, city = meant(text("postcode")), meant(text("city"))
    return Traits(
        record_id=record.record_id,
        source=record.source,
        kind="organisation" if company and not (given or family or guessed_given) else "person",
        given=given,
        family=family,
        guessed_given=guessed_given,
        guessed_family=guessed_family,
        sex=sex_of(text("gender")) or sex_of(text("salutation")) or name.sex,
        generation=generation_of(text("name_suffix")) or name.generation,
        mails=mails,
        domains=domains,
        phones=_numbers(_texts(said.get("phone"), record.items("phones")), home),
        street=(street_key(street) or None) if street else None,
        house_number=(house_key(house) or None) if house else None,
        postcode=postcode_key(postcode, home) if postcode else None,
        city=(city_key(city) or None) if city else None,
        country=nation,
        birthday=known_birthday(text("birthday")),
        company=company or None,
        vat_id="".join(words_of(text("vat_id") or "")) or None,
        unique=identifiers(record, unique),
        unique_per_person=identifiers(record, unique_per_person),
    )


def _texts(first: str | None, items: Sequence[Json]) -> list[str]:
    return [said for said in (first, *map(_value, items)) if said]


def _value(item: Json) -> str | None:
    value = item.get("value") if isinstance(item, dict) else item  # pyright: ignore[reportUnknownMemberType]
    return value if isinstance(value, str) else None


def _mailboxes(texts: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    read = [one for one in map(parse_email, texts) if one.canonical is not None and not is_nobodys_mail(one.canonical)]
    mails = sorted({one.canonical for one in read if one.canonical})[:ADDRESSES_MAX]
    return tuple(mails), tuple(sorted({one.domain for one in read if not is_free_mail(one.domain)}))


def _numbers(texts: list[str], country: str | None) -> tuple[str, ...]:
    read = {reading.e164 for reading in (parse_phone(text, country) for text in texts) if reading.e164}
    return tuple(sorted(read)[:ADDRESSES_MAX])


def _guess(given: tuple[str, ...], family: tuple[str, ...], mails: tuple[str, ...]) -> tuple[str | None, str | None]:
    """Given or family name from a personal mail address, where the record does not say it."""
    full_given = bool(given) and len(given[0]) > 1
    if full_given and family:
        return None, None
    for mail in mails:
        if mail_kind(mail) == "personal":
            found_given, found_family = _names_in(mail.partition("@")[0])
            guessed = _fitting(given, family, found_given, found_family, mail)
            if guessed != (None, None):
                return guessed
    return None, None


def _fitting(
    given: tuple[str, ...], family: tuple[str, ...], found_given: str | None, found_family: str | None, mail: str
) -> tuple[str | None, str | None]:
    letters = "".join(sign for sign in mail.partition("@")[0] if sign.isalpha())
    if given and len(given[0]) > 1:
        if found_given and found_given in (given[0], given[0][0]):
            return None, found_family
        rest = letters.removeprefix(given[0]) if letters.startswith(given[0]) else letters.removesuffix(given[0])
        return None, rest if len(given[0]) > 2 and len(letters) > len(rest) > 2 else None
    if family:
        if found_given and found_family == family[-1] and _fits(given, found_given):
            return found_given, None
        rest = letters.removesuffix(family[-1]) if letters.endswith(family[-1]) else letters.removeprefix(family[-1])
        alone = len(family[-1]) > 2 and len(letters) > len(rest) > 2 and rest in given_sexes() and _fits(given, rest)
        return (rest if alone else None), None
    if found_given and found_family and found_given in given_sexes():
        return found_given, found_family
    return None, None


def _fits(given: tuple[str, ...], found: str) -> bool:
    return len(found) > 1 and (not given or given[0][0] == found[0])


@lru_cache(16_384)
def _names_in(local: str) -> tuple[str | None, str | None]:
    """joerg.mueller → joerg, mueller; mueller.joerg too, as joerg is the better known given name."""
    parts = [
        "".join(sign for sign in part if sign.isalpha())
        for part in local.replace("-", ".").replace("_", ".").split(".")
    ]
    parts = [part for part in parts if part]
    if len(parts) != 2 or max(map(len, parts)) < 3:
        return None, None
    first, last = parts
    if len(last) == 1 or (len(first) > 1 and last in given_sexes() and first not in given_sexes()):
        first, last = last, first
    return first, last
