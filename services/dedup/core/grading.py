"""Grading: how much two values of one field are alike, as a word. What a word weighs is the model's matter."""

from functools import lru_cache
from itertools import product
from typing import Final

from rapidfuzz.distance import OSA

from services.dedup.core.namesakes import MISSING, READINGS_MAX, TWO_SLIPS, slip
from services.dedup.core.population import Population
from shared.domain.mail import is_free_mail, mail_kind
from shared.domain.names import family_names, given_sexes
from shared.domain.normalise import Traits
from shared.domain.phone import parse_phone


def mail_grade(one: Traits, other: Traits, population: Population) -> str:
    """equal, shared, family, role, mistyped, handle (same odd local part), local (same name as local part), differs."""
    if not one.mails or not other.mails:
        return MISSING
    if len(one.mails) == len(other.mails) == 1:
        mail, mail_too = one.mails[0], other.mails[0]
        return _common_mail(mail, population) if mail == mail_too else _two_mails(mail, mail_too)
    if common := {*one.mails} & {*other.mails}:
        return min((_common_mail(mail, population) for mail in common), key=_MAIL_ORDER.index)
    return min(
        (_two_mails(mail, mail_too) for mail, mail_too in product(one.mails, other.mails)), key=_MAIL_ORDER.index
    )


_MAIL_ORDER: Final = ("equal", "family", "role", "shared", "mistyped", "handle", "local", "differs")


def _common_mail(mail: str, population: Population) -> str:
    if mail in population.shared:
        return "shared"
    kind = mail_kind(mail)
    return "equal" if kind == "personal" else kind


def _two_mails(one: str, other: str) -> str:
    local, _, domain = one.partition("@")
    local_too, _, domain_too = other.partition("@")
    if local == local_too:
        if len(local) < 5 or mail_kind(one) != "personal":
            return "differs"
        if (
            domain != domain_too
            and OSA.distance(domain, domain_too, score_cutoff=2) <= 2
            and not _both_exist(domain, domain_too)
        ):
            return "mistyped"
        return "local" if _speaks(local) else "handle"
    if domain != domain_too or mail_kind(one) != "personal":
        return "differs"
    return "mistyped" if _mistyped_local(local, local_too) else "differs"


def _both_exist(one: str, other: str) -> bool:
    return is_free_mail(one) and is_free_mail(other)


def _mistyped_local(one: str, other: str) -> bool:
    """One slip within a long local part; another number at the end is another mailbox."""
    if max(len(one), len(other)) < TWO_SLIPS or _digits(one) != _digits(other):
        return False
    bare, bare_too = (
        one.replace(".", "").replace("_", "").replace("-", ""),
        other.replace(".", "").replace("_", "").replace("-", ""),
    )
    return bare == bare_too or OSA.distance(one, other, score_cutoff=1) <= 1


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


@lru_cache(READINGS_MAX)
def _speaks(local: str) -> bool:
    """True when a local part is made of names: half of all namesakes choose the same."""
    parts = [part for part in "".join(sign if sign.isalpha() else " " for sign in local).split() if len(part) > 1]
    if any(part in family_names() or part in given_sexes() for part in parts):
        return True
    bare = "".join(parts)
    return any(bare[:cut] in given_sexes() or bare[cut:] in family_names() for cut in range(3, len(bare) - 2)) or (
        bare[1:] in family_names()
    )


def phone_grade(one: Traits, other: Traits, population: Population) -> str:
    """mobile, fixed (or nobody knows) or shared for a common number, mistyped for one digit, differs, or missing."""
    if not one.phones or not other.phones:
        return MISSING
    if common := {*one.phones}.intersection(other.phones):
        return min((_common_phone(phone, population) for phone in common), key=("mobile", "fixed", "shared").index)
    near = any(
        len(phone) == len(phone_too) and len(phone) > 10 and OSA.distance(phone, phone_too, score_cutoff=1) <= 1
        for phone, phone_too in product(one.phones, other.phones)
    )
    return "mistyped" if near else "differs"


def _common_phone(phone: str, population: Population) -> str:
    if phone in population.shared:
        return "shared"
    return "mobile" if parse_phone(phone, None).kind == "mobile" else "fixed"


def address_grade(one: Traits, other: Traits) -> str:
    """Full (street, number and place), street (a number is missing), neighbour, postcode, city, differs, or missing."""
    if (one.postcode is None and one.city is None) or (other.postcode is None and other.city is None):
        return MISSING
    same_code = one.postcode is not None and one.postcode == other.postcode
    same_city = (
        one.city is not None and other.city is not None and (one.city == other.city or _slip(one.city, other.city))
    )
    if one.street and other.street:
        if (same_code or same_city) and (one.street == other.street or _slip(one.street, other.street)):
            return _houses(one.house_number, other.house_number)
        return "postcode" if same_code else "differs"
    if same_code:
        return "postcode"
    if same_city:
        return "city"
    known = (one.postcode and other.postcode) or (one.city and other.city)
    return "differs" if known else MISSING


def _houses(one: str | None, other: str | None) -> str:
    if one is None or other is None:
        return "street"
    return "full" if one == other else "neighbour"


@lru_cache(READINGS_MAX)
def _slip(one: str, other: str) -> bool:
    return slip(one, other)


NEAR_DAYS: Final = 45
"""Days between two birthdays that may be one, badly read: the neighbouring month, or a day in it."""

NEAR_YEAR_DAYS: Final = 420
"""Days within which the year at least was meant alike."""


@lru_cache(READINGS_MAX)
def birthday_grade(one: str | None, other: str | None) -> str:
    """equal, close (day and month turned, or one digit), near (two of three parts equal, or six weeks), year (the same
    or next to it), differs, or missing.
    """
    if one is None or other is None:
        return MISSING
    if one == other:
        return "equal"
    year, month, day = one.split("-")
    if other == f"{year}-{day}-{month}" or OSA.distance(one, other, score_cutoff=1) <= 1:
        return "close"
    apart = abs(_days(one) - _days(other))
    if apart <= NEAR_DAYS or _two_parts(one, other):
        return "near"
    return "year" if apart <= NEAR_YEAR_DAYS or other.startswith(year) else "differs"


def _days(birthday: str) -> int:
    year, month, day = birthday.split("-")
    return int(year) * 365 + int(month) * 30 + int(day)


def _two_parts(one: str, other: str) -> bool:
    """Two of year, month and day are equal; but New Year is what lists write that know the year only."""
    if one.endswith("-01-01") or other.endswith("-01-01"):
        return False
    return sum(part == part_too for part, part_too in zip(one.split("-"), other.split("-"), strict=True)) == 2


def company_grade(one: Traits, other: Traits) -> str:
    """equal, similar, domain (the same business mail domain), differs, or missing."""
    if one.company and other.company:
        grade = _companies(*sorted((one.company, other.company)))
        if grade != "differs":
            return grade
    if one.domains and other.domains and {*one.domains} & {*other.domains}:
        return "domain"
    return "differs" if one.company and other.company else MISSING


@lru_cache(READINGS_MAX)
def _companies(one: str, other: str) -> str:
    if one == other:
        return "equal"
    bare, bare_too = one.replace(" ", ""), other.replace(" ", "")
    if slip(bare, bare_too) or {*one.split()} < {*other.split()} or {*other.split()} < {*one.split()}:
        return "similar"
    return "differs"
