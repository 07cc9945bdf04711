"""Quality: what is missing, what has aged, and the two figures that sum it up.

    completeness = usable needs / all needs    a field that two purposes need counts twice; 1 where nothing is needed
    soundness    = 1 - (0.2 x errors + 0.1 x warnings + 0.02 x infos), at least 0; missing fields count above
    score        = (completeness + soundness) / 2

All are rounded to hundredths, so that figures shown and figures compared are the same.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Final, NamedTuple

from services.validate.core.codes import Code, finding
from services.validate.core.standards import PATHS, Need, Standards
from shared.domain.contact import Address, Contact, Finding, Quality

PENALTY: Final[Mapping[str, float]] = {"error": 0.2, "warning": 0.1, "info": 0.02}
"""Five errors leave nothing sound; a warning weighs half of one; infos only order what is otherwise equal."""

_BAD: Final = ("invalid", "bounced")
_ADDRESS_PARTS: Final = ("street", "postcode", "city", "region", "country")
_PERSONS: Final = ("given_name", "family_name", "full_name", "salutation", "birthday", "gender")
"""What an organisation need not have: its own name stands for it."""

_ALONE: Final[Mapping[str, "attrgetter[object]"]] = {
    field: attrgetter(path[1:].replace("/", "."))
    for field, path in PATHS.items()
    if field not in ("email", "phone", "address", *_ADDRESS_PARTS)
}
"""How the fields that hold one text are read from a contact."""


class Met(NamedTuple):
    """How far one need is met: something is there at all, and it is not known to be wrong."""

    need: Need
    holds: bool
    usable: bool


def met(contact: Contact, standards: Standards) -> list[Met]:
    """How far each need is met; statuses must have been judged before."""
    return [_met(contact, need) for need in standards.needs]


def missing(needs: Sequence[Met]) -> list[Finding]:
    """One finding for every field that some purpose needs and that holds nothing at all."""
    return [
        finding(Code.FIELD_MISSING, one.need.path, f"Nothing is here, needed for {' and '.join(one.need.purposes)}.")
        for one in needs
        if not one.holds
    ]


def stale(contact: Contact, standards: Standards, today: date) -> list[Finding]:
    """One finding for every value whose source last said it longer ago than its half-life."""
    found: list[Finding] = []
    for field, days in standards.half_life_days.items():
        for path in _values(contact, field):
            origin = contact.provenance.get(path)
            if origin is None or origin.observed_at is None:
                continue
            if (today - origin.observed_at.date()).days > days:
                found.append(finding(Code.FIELD_STALE, path))
    return found


def quality_of(needs: Sequence[Met], findings: tuple[Finding, ...]) -> Quality:
    """The two figures (formulas above) with the findings behind them."""
    slots = usable = 0
    for one in needs:
        slots += len(one.need.purposes)
        usable += len(one.need.purposes) if one.usable else 0
    completeness = usable / slots if slots else 1.0
    burden = 0.0
    for found in findings:
        burden += PENALTY[found.severity] if found.code != Code.FIELD_MISSING else 0.0
    score = (completeness + max(0.0, 1.0 - burden)) / 2
    return Quality(score=round(score, 2), completeness=round(completeness, 2), findings=findings)


def _values(contact: Contact, field: str) -> tuple[str, ...]:
    """The paths at which the values of a field lie in this contact."""
    match field:
        case "email":
            return _numbered("/emails", len(contact.emails))
        case "phone":
            return _numbered("/phones", len(contact.phones))
        case "address":
            return _numbered("/addresses", len(contact.addresses))
        case _:
            return (PATHS[field],)


def _numbered(path: str, count: int) -> tuple[str, ...]:
    return (f"{path}/0",) if count == 1 else tuple(f"{path}/{index}" for index in range(count))


def _met(contact: Contact, need: Need) -> Met:
    field = need.field
    if (alone := _ALONE.get(field)) is not None:
        holds = bool(alone(contact))
        if not holds and contact.kind == "organisation" and field in _PERSONS:
            holds = bool(contact.company.name or contact.name.full)
        return Met(need, holds, holds)
    if field == "email":
        return Met(need, bool(contact.emails), any(one.status not in _BAD for one in contact.emails))
    if field == "phone":
        return Met(need, bool(contact.phones), any(one.status not in _BAD for one in contact.phones))
    having = [one for one in contact.addresses if field == "address" or _part(one, field)]
    return Met(need, bool(having), any(one.status not in _BAD for one in having))


def _part(address: Address, field: str) -> str | None:
    part: str | None = getattr(address, field)
    return part
