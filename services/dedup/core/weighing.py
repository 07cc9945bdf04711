"""Weighing: what a set of grades says, as parts that add up. Few sets make most pairs, so each is weighed once."""

from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.model import Model
from services.dedup.core.namesakes import MISSING, SUPPORTING

WEIGHED_MAX: Final = 65_536
"""Sets of grades kept as weighed: a list of 17,000 contacts makes some 5,000 of them."""

LINKS: Final = frozenset({
    "mail equal", "mail mistyped", "mail family", "mail role", "mail shared", "phone mobile", "phone fixed",
    "phone shared", "address full",
})  # fmt: skip
"""What two records can share that a household or a firm may share too: names weigh differently beside it."""

WEAK_LINKS: Final = frozenset({"mail role", "mail shared", "phone shared"})
"""Links that many strangers share: a rare name still counts half beside them."""

OWN_LINKS: Final = frozenset({"mail equal", "phone mobile", "phone fixed"})
"""Unshared mail and phone: with the same full name and nothing against it they always join (contract, promise 7)."""

_FULL_NAMES: Final = frozenset({("exact", "exact"), ("swapped", "swapped")})


class Part(msgspec.Struct, frozen=True, array_like=True):
    """One piece of evidence: what was compared, how alike it is, and what that weighs in millibits."""

    field: str
    grade: str
    weight: int


class Grades(NamedTuple):
    """How alike two records are, field by field; what was not said by both is `missing`."""

    given: str
    family: str
    mail: str
    phone: str
    address: str
    birthday: str
    company: str
    sex: str = MISSING
    generation: str = MISSING
    vat: str = MISSING
    owner: str = MISSING
    firms: bool = False

    @property
    def links(self) -> tuple[str, ...]:
        every = (f"mail {self.mail}", f"phone {self.phone}", f"address {self.address}")
        return tuple(link for link in every if link in LINKS)


class Weighed(NamedTuple):
    """What follows from grades alone: the parts and their sum, and what of the two records has to be added.

    `rarity_percent` of the names' rarity, of which at most `rarity_max` millibits; the company's rarity under the field
    `company_rarity`; and whatever is lacking to the merge band where promise 7 makes them one.
    """

    parts: tuple[Part, ...]
    weight: int
    rarity_percent: int
    rarity_max: int
    company_rarity: str | None
    promised: bool


@lru_cache(WEIGHED_MAX)
def weigh(grades: Grades, model: Model) -> Weighed:
    """What these grades weigh by this model."""
    parts = [Part("start", "prior", model.prior)]
    links = grades.links
    support = _support(grades, links)
    if grades.firms:
        rare_company = _firms(parts, grades, links, model)
        percent = 0
    else:
        rare_company = _fields(parts, grades, links, model)
        _together(parts, grades, links, support, model)
        named = grades.given in SUPPORTING or grades.family in SUPPORTING
        percent = model.rarity_percent[_context(links)] if named else 0
    alone = support == "alone" and not links
    return Weighed(
        tuple(parts),
        sum(part.weight for part in parts),
        percent,
        model.rarity_max["alone" if alone else "supported"],
        rare_company,
        _promised(grades, links),
    )


def _add(parts: list[Part], model: Model, table: str, grade: str, field: str | None = None) -> None:
    weight = model.weight(table, grade)
    if weight:
        parts.append(Part(field or table, grade, weight))


def _context(links: tuple[str, ...]) -> str:
    if not links:
        return "unlinked"
    return "weak" if WEAK_LINKS.issuperset(links) else "linked"


def _fields(parts: list[Part], grades: Grades, links: tuple[str, ...], model: Model) -> str | None:
    linked = "-linked" if links else ""
    _add(parts, model, "given" + linked, grades.given, "given")
    _add(parts, model, "family" + linked, grades.family, "family")
    _links(parts, links, model)
    _add(parts, model, "mail", grades.mail)
    _add(parts, model, "phone", grades.phone)
    _add(parts, model, "address", grades.address)
    _add(parts, model, "birthday" + linked, grades.birthday, "birthday")
    if grades.given not in SUPPORTING:
        _add(parts, model, "sex", grades.sex)
    _add(parts, model, "generation", grades.generation)
    _add(parts, model, "owner", grades.owner)
    if grades.company == "domain" and grades.mail in ("equal", "role", "family", "mistyped"):
        return None  # the domain is part of the mailbox that counted already
    _add(parts, model, "company" + linked, grades.company, "company")
    return "company" if not linked and grades.company in ("equal", "similar") else None


def _firms(parts: list[Part], grades: Grades, links: tuple[str, ...], model: Model) -> str | None:
    """Two firms: their names take the place of a person's."""
    named = grades.company if grades.company in ("equal", "similar", "differs") else MISSING
    _add(parts, model, "organisation", named)
    _links(parts, links, model)
    if grades.company == "domain" and grades.mail not in ("equal", "role", "shared"):
        _add(parts, model, "organisation", "domain", "company")
    _add(parts, model, "vat", grades.vat)
    _add(parts, model, "address", grades.address)
    return "organisation" if named in ("equal", "similar") else None


def _links(parts: list[Part], links: tuple[str, ...], model: Model) -> None:
    """The strongest link counts whole, each further one a little: who shares a mailbox shares an address too."""
    strongest = max(links, key=lambda link: (model.weight("link", link), link), default=None)
    for link in links:
        field, _, grade = link.partition(" ")
        table = "link" if link == strongest else "further link"
        parts.append(Part(field, grade, model.weight(table, link)))


def _together(parts: list[Part], grades: Grades, links: tuple[str, ...], support: str, model: Model) -> None:
    """Two-way tables: what one field means depends on another."""
    named = ("none", "one", "both")[(grades.given in SUPPORTING) + (grades.family in SUPPORTING)]
    for field, one, other in (
        ("mail × given", grades.mail, grades.given),
        ("phone × given", grades.phone, grades.given),
        ("address × given", grades.address, grades.given),
        ("birthday × given", grades.birthday, grades.given),
        ("birthday × family", grades.birthday, grades.family),
        ("address × support", grades.address, support),
        ("name × support", "linked" if links else named, support),
        ("family × support", grades.family, support),
    ):
        weight = model.interactions.get(field, {}).get(one, {}).get(other)
        if weight:
            parts.append(Part(field, f"{one} × {other}", weight))


def _support(grades: Grades, links: tuple[str, ...]) -> str:
    """What stands beside the name: the one link, alone for nothing but name or address, else several.

    A mail domain in common is no support: two mailboxes at one firm are two colleagues more often than one person.
    """
    found = ["address" if link == "address full" else link.partition(" ")[2] for link in links]
    others = (
        grades.birthday in ("equal", "close")
        or grades.company in ("equal", "similar")
        or grades.mail == "handle"
        or grades.phone == "mistyped"
    )
    if len(found) + others > 1 or (others and not found):
        return "several"
    return "alone" if not found or found == ["address"] else found[0]


def _promised(grades: Grades, links: tuple[str, ...]) -> bool:
    """Equal full name with equal, unshared mail or phone, and no birthday, sex or generation against it."""
    if (grades.given, grades.family) not in _FULL_NAMES or not OWN_LINKS.intersection(links):
        return False
    return grades.birthday in ("equal", MISSING) and "differs" not in (grades.sex, grades.generation)
