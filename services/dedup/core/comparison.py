"""Comparison: the evidence that two records are one person, as parts that add up, and what forbids it outright."""

from collections.abc import Collection
from typing import Final

import msgspec

from services.dedup.core.grading import (
    address_grade,
    birthday_grade,
    company_grade,
    mail_grade,
    phone_grade,
)
from services.dedup.core.model import Bands, Model
from services.dedup.core.namesakes import MISSING, SUPPORTING, VETOES, name_grades
from services.dedup.core.population import Population
from services.dedup.core.weighing import Grades, Part, weigh
from shared.domain.identifiers import differ
from shared.domain.normalise import Traits

__all__ = ["Evidence", "Part", "compare", "veto_between"]


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """What was found between two records: `weight` is the exact sum of the parts, `veto` says what forbids joining."""

    parts: tuple[Part, ...]
    weight: int
    veto: str | None = None

    def is_doubted(self, bands: Bands) -> bool:
        """True where so much speaks against the veto, its own weight counted, that a person is asked all the same."""
        return self.veto in DOUBTABLE and self.weight > bands.offer_millibits


MISTYPED: Final = frozenset({"birthday", "given name"})
"""Vetoes that rest on what people mistype."""

DOUBTABLE: Final = MISTYPED | {"unique id"}
"""Vetoes that a person may be asked about: a source may have met somebody twice. Junior and senior, a firm and a
person, two tax ids are two by definition."""

STEP: Final = 2_000
"""Millibits of rarity that one step of the model's tables stands for: finer than names are counted."""

AGREEING: Final = frozenset({"exact", "nickname", "similar", "swapped"})
"""Grades of given names by which two birthdays of about one year are one, badly read: who is called alike under one
roof, a parent and a child, is born many years apart."""

NO_OTHER_FAMILY: Final = SUPPORTING | {MISSING, "guessed"}
"""Grades of family names that do not speak of another family."""


def compare(a: Traits, b: Traits, model: Model, population: Population) -> Evidence:
    """The evidence that two records are one person; the same whichever comes first."""
    grades = graded(a, b, population)
    weighed = weigh(grades, model)
    veto = _veto(a, b, grades.birthday, (grades.given, grades.family), model.vetoes)
    parts, weight = weighed.parts, weighed.weight
    if weighed.rarity:
        more = _step(weighed.rarity, rarity_of(a, b, grades, population))
        parts, weight = _with(parts, weight, "rarity", "of the name", more)
    if weighed.company:
        more = _step(weighed.company, company_rarity_of(a, b, population))
        parts, weight = _with(parts, weight, "company", "rarity", more)
    merge = model.bands.merge_millibits
    if weighed.promised and veto is None and weight < merge:
        parts, weight = _with(parts, weight, "full name", "with own address", merge - weight)
    elif weighed.alone and weight >= merge:
        parts, weight = _with(parts, weight, "support", "alone", merge - 1 - weight)
    return Evidence(parts, weight, veto)


def veto_between(a: Traits, b: Traits, vetoes: Collection[str] = VETOES) -> str | None:
    """What forbids two records to be one contact whatever else agrees, or None.

    organisation: a firm is no person, by every model. personal id, unique id: what a person, or a person at one source,
    has once (shared/domain/identifiers.py), by every model. birthday: clearly different dates, or dates of about one
    year beside another name. generation: junior and senior. given name: two full names, neither pet form nor slip of
    each other, in either order.
    """
    return _veto(a, b, birthday_grade(a.birthday, b.birthday), name_grades(a, b), vetoes)


def rarity_of(a: Traits, b: Traits, grades: Grades, population: Population) -> int:
    """What the names that agree are worth, in millibits. The less rare side counts: a slip, or two names in each
    other's place, make a name look rare.
    """
    return min(_rarity(a, b, grades, population), _rarity(b, a, grades, population))


def company_rarity_of(a: Traits, b: Traits, population: Population) -> int:
    """What the company that both name is worth, in millibits; the less rare spelling counts."""
    return min(population.company_millibits(company) for company in (a.company, b.company) if company)


def steps_of(rarity: int, steps_max: int) -> int:
    """How many steps of a model's table a rarity in millibits makes."""
    return min(rarity // STEP, steps_max)


def _step(table: tuple[int, ...], rarity: int) -> int:
    steps = steps_of(rarity, len(table))
    return table[steps - 1] if steps else 0


def _veto(a: Traits, b: Traits, birthday: str, names: tuple[str, str], vetoes: Collection[str]) -> str | None:
    given, family = names
    if a.kind != b.kind:
        return "organisation"
    if differ(a.unique_per_person, b.unique_per_person):
        return "personal id"
    if a.source == b.source and differ(a.unique, b.unique):
        # It stands before what may be mistyped, since nothing outvotes it; before junior and senior nothing stands.
        return "generation" if _generations(a, b, vetoes) else "unique id"
    same_name = given in AGREEING and family in NO_OTHER_FAMILY
    if (birthday == "differs" or (birthday == "year" and not same_name)) and "birthday" in vetoes:
        return "birthday"
    if _generations(a, b, vetoes):
        return "generation"
    return "given name" if given == "differs" and "given name" in vetoes else None


def _generations(a: Traits, b: Traits, vetoes: Collection[str]) -> bool:
    return _alike(a.generation, b.generation) == "differs" and "generation" in vetoes


def graded(a: Traits, b: Traits, population: Population) -> Grades:
    """How alike two records are, field by field."""
    given, family = name_grades(a, b)
    mail = mail_grade(a, b, population)
    return Grades(
        given,
        family,
        mail,
        phone_grade(a, b, population),
        address_grade(a, b),
        birthday_grade(a.birthday, b.birthday),
        company_grade(a, b),
        _alike(a.sex, b.sex),
        _alike(a.generation, b.generation),
        _alike(a.vat_id, b.vat_id),
        "named" if given == MISSING and mail in ("equal", "mistyped") and _owner_named(a, b) else MISSING,
        a.kind == "organisation" and b.kind == "organisation",
    )


def _alike(one: str | None, other: str | None) -> str:
    if one is None or other is None:
        return MISSING
    return "equal" if one == other else "differs"


def _with(parts: tuple[Part, ...], weight: int, field: str, grade: str, more: int) -> tuple[tuple[Part, ...], int]:
    return ((*parts, Part(field, grade, more)), weight + more) if more else (parts, weight)


def _rarity(side: Traits, other: Traits, grades: Grades, population: Population) -> int:
    """What the names of one side are worth, as far as they agree with the other's."""
    given = population.given_millibits(side.given[0]) if side.given and grades.given in SUPPORTING else 0
    if not side.family or grades.family not in SUPPORTING:
        return given
    if len(side.family) == 1:
        return given + population.family_millibits(side.family[0])
    if grades.family == "part":
        common = {*side.family} & {*other.family} or {*side.family[:1]}
        return given + min(population.family_millibits(name) for name in common)
    return given + population.family_millibits("".join(side.family))


def _owner_named(a: Traits, b: Traits) -> bool:
    """True when the common mailbox bears the name of the one record that says a given name: it is that person's own."""
    for mail in {*a.mails} & {*b.mails}:
        letters = "".join(sign for sign in mail.partition("@")[0] if sign.isalpha())
        for side in (a, b):
            given = side.given[0] if side.given else side.guessed_given
            if given and len(given) > 2 and given in letters:
                return True
    return False
