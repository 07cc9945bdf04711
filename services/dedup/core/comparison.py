"""Comparison: the evidence that two records are one person, as parts that add up, and what forbids it outright."""

from typing import Final

import msgspec

from services.dedup.core.grading import (
    MISSING,
    SUPPORTING,
    address_grade,
    birthday_grade,
    company_grade,
    mail_grade,
    name_grades,
    phone_grade,
)
from services.dedup.core.model import Model
from services.dedup.core.population import Population
from shared.domain.normalise import Traits

LINKS: Final = frozenset({
    "mail equal", "mail mistyped", "mail family", "mail role", "mail shared", "phone mobile", "phone fixed",
    "phone shared", "address full",
})  # fmt: skip
"""What two records can share that a household or a firm may share too: names weigh differently beside it."""

WEAK_LINKS: Final = frozenset({"mail role", "mail shared", "phone shared"})
"""Links that many strangers share: a rare name still counts half beside them."""

OWN_LINKS: Final = frozenset({"mail equal", "phone mobile", "phone fixed"})
"""Unshared mail and phone: with the same full name and nothing against it they always join (contract, promise 7)."""


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One piece of evidence: what was compared, how alike it is, and what that weighs in millibits."""

    field: str
    grade: str
    weight: int


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """What was found between two records. `weight` is exactly the sum of the parts; `veto` names what forbids joining."""

    parts: tuple[Part, ...]
    weight: int
    veto: str | None = None


class _Grades(msgspec.Struct, frozen=True):
    given: str
    family: str
    mail: str
    phone: str
    address: str
    birthday: str
    company: str
    links: tuple[str, ...]

    @property
    def full_name(self) -> bool:
        return (self.given, self.family) in _FULL_NAMES


_FULL_NAMES: Final = frozenset({("exact", "exact"), ("swapped", "swapped")})


def compare(a: Traits, b: Traits, model: Model, population: Population) -> Evidence:
    """The evidence that two records are one person; the same whichever comes first."""
    grades = _graded(a, b, population)
    veto = veto_between(a, b, grades.given, grades.family)
    parts = [Part("start", "prior", model.prior)]
    if a.kind == "organisation" and b.kind == "organisation":
        _organisations(parts, a, b, grades, model, population)
    else:
        _names(parts, a, b, grades, model, population)
        _fields(parts, a, b, grades, model, population)
        _together(parts, a, b, grades, model)
    weight = sum(part.weight for part in parts)
    if weight < model.bands.merge_millibits and veto is None and _promised(a, b, grades):
        parts.append(Part("full name", "with own address", model.bands.merge_millibits - weight))
        weight = model.bands.merge_millibits
    return Evidence(tuple(parts), weight, veto)


def veto_between(a: Traits, b: Traits, given: str | None = None, family: str | None = None) -> str | None:
    """What forbids two records to be one contact whatever else agrees, or None.

    organisation: a firm is no person. birthday: clearly different dates. generation: junior and senior. given name: two
    full names, neither pet form nor slip of each other, in either order.
    """
    if a.kind != b.kind:
        return "organisation"
    if birthday_grade(a.birthday, b.birthday) == "differs":
        return "birthday"
    if a.generation and b.generation and a.generation != b.generation:
        return "generation"
    if given is None or family is None:
        given, family = name_grades(a, b)
    return "given name" if given == "differs" else None


def _graded(a: Traits, b: Traits, population: Population) -> _Grades:
    given, family = name_grades(a, b)
    mail, phone, address = mail_grade(a, b, population), phone_grade(a, b, population), address_grade(a, b)
    links = tuple(link for link in (f"mail {mail}", f"phone {phone}", f"address {address}") if link in LINKS)
    return _Grades(
        given, family, mail, phone, address, birthday_grade(a.birthday, b.birthday), company_grade(a, b), links
    )


def _add(parts: list[Part], model: Model, table: str, grade: str, field: str | None = None) -> None:
    weight = model.weight(table, grade)
    if weight:
        parts.append(Part(field or table, grade, weight))


def _names(parts: list[Part], a: Traits, b: Traits, grades: _Grades, model: Model, population: Population) -> None:
    linked = "-linked" if grades.links else ""
    _add(parts, model, "given" + linked, grades.given, "given")
    _add(parts, model, "family" + linked, grades.family, "family")
    given, family = grades.given in SUPPORTING, grades.family in SUPPORTING
    if not given and not family:
        return
    share = model.rarity_percent[_context(grades)]
    # The less rare side counts: a slip, or two names in each other's place, make a name look rare.
    rare = min(_rarity(a, b, grades, population), _rarity(b, a, grades, population))
    if rare * share:
        parts.append(Part("rarity", "of the name", rare * share // 100))


def _context(grades: _Grades) -> str:
    if not grades.links:
        return "unlinked"
    return "weak" if WEAK_LINKS.issuperset(grades.links) else "linked"


def _rarity(side: Traits, other: Traits, grades: _Grades, population: Population) -> int:
    """What the names of one side are worth, as far as they agree with the other's."""
    given = population.given_millibits(side.given[0]) if side.given and grades.given in SUPPORTING else 0
    if not side.family or grades.family not in SUPPORTING:
        return given
    if grades.family == "part":
        common = {*side.family} & {*other.family} or {*side.family[:1]}
        return given + min(population.family_millibits(name) for name in common)
    return given + population.family_millibits("".join(side.family))


def _fields(parts: list[Part], a: Traits, b: Traits, grades: _Grades, model: Model, population: Population) -> None:
    _links(parts, grades, model)
    linked = "-linked" if grades.links else ""
    for field, grade in (("mail", grades.mail), ("phone", grades.phone), ("address", grades.address)):
        _add(parts, model, field, grade)
    _add(parts, model, "birthday" + linked, grades.birthday, "birthday")
    if not (grades.company == "domain" and grades.mail in ("equal", "role", "family", "mistyped")):
        _add(parts, model, "company" + linked, grades.company, "company")
        if not linked and grades.company in ("equal", "similar"):
            parts.append(Part("company", "rarity", _rare_company(a, b, population)))
    if a.sex and b.sex and grades.given not in SUPPORTING:
        _add(parts, model, "sex", "equal" if a.sex == b.sex else "differs")
    if a.generation and b.generation:
        _add(parts, model, "generation", "equal" if a.generation == b.generation else "differs")


def _rare_company(a: Traits, b: Traits, population: Population) -> int:
    return min(population.company_millibits(company) for company in (a.company, b.company) if company)


def _links(parts: list[Part], grades: _Grades, model: Model) -> None:
    """The strongest link counts whole, each further one a little: who shares a mailbox shares an address too."""
    strongest = max(grades.links, key=lambda link: (model.weight("link", link), link), default=None)
    for link in grades.links:
        field, _, grade = link.partition(" ")
        table = "link" if link == strongest else "further link"
        parts.append(Part(field, grade, model.weight(table, link)))


def _together(parts: list[Part], a: Traits, b: Traits, grades: _Grades, model: Model) -> None:
    """Two-way tables: what one field means depends on another."""
    support = _support(grades)
    named = "both" if grades.given in SUPPORTING and grades.family in SUPPORTING else "one"
    for field, one, other in (
        ("mail × given", grades.mail, grades.given),
        ("phone × given", grades.phone, grades.given),
        ("address × given", grades.address, grades.given),
        ("birthday × given", grades.birthday, grades.given),
        ("birthday × family", grades.birthday, grades.family),
        ("address × support", grades.address, support),
        ("name × support", "linked" if grades.links else named, support),
        ("family × support", grades.family, support),
    ):
        table = model.interactions.get(field)
        if table and (row := table.get(one)) and (weight := row.get(other)):
            parts.append(Part(field, f"{one} × {other}", weight))
    if grades.mail in ("equal", "mistyped") and grades.given == MISSING and _owner_named(a, b):
        _add(parts, model, "owner", "named")


def _support(grades: _Grades) -> str:
    """What stands beside the name: the one link, alone for nothing but name or address, else several."""
    found = [link.partition(" ")[2] if link != "address full" else "address" for link in grades.links]
    others = grades.birthday in ("equal", "close") or grades.company in ("equal", "similar", "domain")
    others = others or grades.mail == "handle" or grades.phone == "mistyped"
    if len(found) + others > 1 or (others and not found):
        return "several"
    if not found:
        return "alone"
    return "alone" if found == ["address"] else found[0]


def _owner_named(a: Traits, b: Traits) -> bool:
    """True when the common mailbox bears the name of the one record that says a given name: it is that person's own."""
    for mail in {*a.mails} & {*b.mails}:
        letters = "".join(sign for sign in mail.partition("@")[0] if sign.isalpha())
        for side in (a, b):
            given = side.given[0] if side.given else side.guessed_given
            if given and len(given) > 2 and given in letters:
                return True
    return False


def _organisations(
    parts: list[Part], a: Traits, b: Traits, grades: _Grades, model: Model, population: Population
) -> None:
    """Two firms: their names take the place of a person's."""
    grade = grades.company if grades.company in ("equal", "similar", "differs") else MISSING
    _add(parts, model, "organisation", grade)
    if grade in ("equal", "similar"):
        parts.append(Part("organisation", "rarity", _rare_company(a, b, population)))
    _links(parts, grades, model)
    if {*a.domains} & {*b.domains} and grades.mail not in ("equal", "role", "shared"):
        _add(parts, model, "company", "domain")
    if a.vat_id and b.vat_id:
        _add(parts, model, "vat", "equal" if a.vat_id == b.vat_id else "differs")
    _add(parts, model, "address", grades.address)


def _promised(a: Traits, b: Traits, grades: _Grades) -> bool:
    """Equal full name with equal, unshared mail or phone, and no birthday, sex or generation against it."""
    if not grades.full_name or not OWN_LINKS.intersection(grades.links) or grades.birthday == "close":
        return False
    return not (a.sex and b.sex and a.sex != b.sex) and len(a.given[0]) > 1 and len(b.given[0]) > 1
