"""Weighing: what a set of grades says, as parts that add up. Few sets make most pairs, so each is weighed once."""

from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from services.dedup.core.model import Firms, Model
from services.dedup.core.namesakes import MISSING, SUPPORTING

WEIGHED_MAX: Final = 65_536
"""Sets of grades kept as weighed: a list of 17,000 contacts makes some 5,000 of them."""

LINKS: Final = frozenset({
    "mail equal", "mail mistyped", "mail family", "mail role", "mail shared", "phone mobile", "phone fixed",
    "phone shared", "address full",
})  # fmt: skip
"""What two records can share that a household or a firm may share too: names weigh differently beside it."""

WEAK_LINKS: Final = frozenset({"mail family", "mail role", "mail shared", "phone shared"})
"""Links that many share: a name counts more beside them than beside one's own number."""

OWN_LINKS: Final = frozenset({"mail equal", "phone mobile", "phone fixed"})
"""Unshared mail and phone: with the same full name and nothing against it they always join (contract, promise 7)."""

FIELDS: Final[tuple[str, ...]] = (
    "given", "family", "mail", "phone", "address", "birthday", "company", "sex", "generation", "vat", "owner",
)  # fmt: skip
"""Fields that are weighed each for itself."""

TOGETHER: Final = (
    ("given", "family"), ("mail", "given"), ("phone", "given"), ("address", "given"), ("birthday", "given"),
    ("birthday", "family"), ("address", "family"), ("links", "given"), ("links", "family"), ("support", "against"),
)  # fmt: skip
"""Pairs of fields where what one means depends on the other (facts, matching 7; each was measured)."""

_NAMED: Final = tuple((one, other, f"{one} × {other}") for one, other in TOGETHER)

COUNTED: Final = ("none", "one", "two", "three", "many")
"""How many fields agree, or disagree; beyond three it makes no difference."""

AGREEING: Final = {
    "mail": frozenset({"equal", "mistyped", "family", "role", "shared", "handle", "local"}),
    "phone": frozenset({"mobile", "fixed", "shared", "mistyped"}),
    "address": frozenset({"full", "street", "neighbour", "postcode", "city"}),
    "birthday": frozenset({"equal", "close", "near"}),
    "company": frozenset({"equal", "similar", "domain"}),
}
"""Grades by which a field is counted as support."""

_AGAINST: Final = frozenset({"differs", "initial-differs", "variant", "year"})
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

    @property
    def named(self) -> bool:
        """True when a name agrees, so that its rarity counts."""
        return self.given in SUPPORTING or self.family in SUPPORTING


class Weighed(NamedTuple):
    """What follows from grades alone: the parts and their sum, and what of the two records has to be added.

    By `rarity` the rarity of the names counts, by `company` that of the company, each None where it does not. What is
    `promised` (promise 7) is raised to the merge band, what stands on a name `alone` is held below it.
    """

    parts: tuple[Part, ...]
    weight: int
    rarity: tuple[int, ...] | None
    company: tuple[int, ...] | None
    promised: bool
    alone: bool


def told(grades: Grades) -> dict[str, str]:
    """What the grades of two persons say, field by field, with what is counted over them: `links` (what they share that
    a household may share: none, weak, strong), `support` and `against` (how many fields agree and disagree).
    """
    said = {field: str(grade) for field, grade in zip(FIELDS, grades[: len(FIELDS)], strict=True)}
    links = grades.links
    said["links"] = "unlinked" if not links else "weak" if WEAK_LINKS.issuperset(links) else "linked"
    said["support"] = COUNTED[min(sum(said[field] in agreeing for field, agreeing in AGREEING.items()), 4)]
    said["against"] = COUNTED[min(sum(said[field] in _AGAINST for field in FIELDS[:8]), 4)]
    return said


@lru_cache(WEIGHED_MAX)
def weigh(grades: Grades, model: Model) -> Weighed:
    """What these grades weigh by this model."""
    if grades.firms:
        return _firms(grades, model.firms, model.rarity.get("firm"))
    said = told(grades)
    parts = [Part("start", "prior", model.prior)]
    alone = ((field, said[field], model.weights.get(field, {}).get(said[field], 0)) for field in FIELDS)
    beside = (
        (name, f"{said[one]} × {said[other]}", model.interactions.get(name, {}).get(said[one], {}).get(said[other], 0))
        for one, other, name in _NAMED
    )
    parts += [Part(field, grade, weight) for field, grade, weight in (*alone, *beside) if weight]
    same = grades.company in ("equal", "similar")
    return Weighed(
        tuple(parts),
        sum(part.weight for part in parts),
        model.rarity.get(said["links"]) if grades.named else None,
        model.rarity.get("company") if same else None,
        _promised(grades),
        _alone(grades),
    )


def _firms(grades: Grades, firms: Firms, rarity: tuple[int, ...] | None) -> Weighed:
    """Two firms: their names take the place of a person's."""
    parts = [Part("start", "prior", firms.prior)]
    named = grades.company if grades.company in ("equal", "similar", "differs") else MISSING
    _add(parts, firms, "organisation", named)
    links = grades.links
    strongest = max(links, key=lambda link: (firms.weight("link", link), link), default=None)
    for link in links:
        # The strongest link counts whole, each further one a little: who shares a mailbox shares an address too.
        field, _, grade = link.partition(" ")
        _add(parts, firms, "link" if link == strongest else "further link", link, Part(field, grade, 0))
    if grades.company == "domain" and grades.mail not in ("equal", "role", "shared"):
        _add(parts, firms, "organisation", "domain", Part("company", "domain", 0))
    _add(parts, firms, "vat", grades.vat)
    _add(parts, firms, "address", grades.address)
    counted = rarity if named in ("equal", "similar") else None
    return Weighed(tuple(parts), sum(part.weight for part in parts), None, counted, promised=False, alone=False)


def _add(parts: list[Part], firms: Firms, table: str, grade: str, shown: Part | None = None) -> None:
    if weight := firms.weight(table, grade):
        parts.append(Part(shown.field if shown else table, shown.grade if shown else grade, weight))


def _promised(grades: Grades) -> bool:
    """Equal full name with equal, unshared mail or phone, and no birthday, sex or generation against it."""
    if (grades.given, grades.family) not in _FULL_NAMES or not OWN_LINKS.intersection(grades.links):
        return False
    return grades.birthday in ("equal", MISSING) and "differs" not in (grades.sex, grades.generation)


def _alone(grades: Grades) -> bool:
    """A name with nothing beside it but a place to live or a mail domain, or a shared mailbox that does not say who
    writes: parent and child, colleagues, members of a family. A person is asked, however rare the name.
    """
    if grades.birthday in ("equal", "close") or grades.company in ("equal", "similar") or grades.vat == "equal":
        return False
    links = [link for link in grades.links if link != "address full"]
    if not links:
        return grades.mail != "handle" and grades.phone != "mistyped"
    nameless = grades.given not in SUPPORTING or grades.family not in SUPPORTING
    return nameless and WEAK_LINKS.issuperset(links)
