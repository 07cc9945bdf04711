"""What validate decides: the contact with statuses, findings, suggestions and quality; no value of it is lost.

Spellings are made usual where nothing is doubtful (0171 … becomes +49171…, Germany becomes DE, D-10115 becomes 10115);
whatever needs a guess becomes a finding or a suggestion. Deterministic and idempotent.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from services.validate.core.codes import Code
from services.validate.core.emails import Heard, judge_emails
from services.validate.core.people import judge_birthday, judge_names
from services.validate.core.phones import judge_phones
from services.validate.core.places import judge_addresses
from services.validate.core.quality import met, missing, quality_of, stale
from services.validate.core.standards import Standards
from shared.domain.contact import Contact, Finding, Suggestion
from shared.domain.countries import country_code

FINDINGS_MAX: Final = 100
"""A contact with more has one problem, and a hundred findings show it; some 20 KB, far below a message's limit."""

NOTHING_HEARD: Final[Heard] = {}

_OURS: Final = frozenset(code.value for code in Code)


def decide(contact: Contact, standards: Standards, today: date, heard: Heard = NOTHING_HEARD) -> Contact:
    """The contact as validated on this day, with what others said about its addresses.

    What other stages found or suggested stays; what was ours is made anew.
    """
    home = _home(contact, standards)
    emails, about_emails, instead_emails = judge_emails(contact, heard)
    phones, about_phones = judge_phones(contact, _region(contact) or home)
    addresses, about_addresses, instead_addresses = judge_addresses(contact, _homes(contact, standards, home))
    birthday, about_birthday = judge_birthday(contact.birthday, today)
    judged = msgspec.structs.replace(
        contact,
        emails=emails,
        phones=phones,
        addresses=addresses,
        birthday=birthday,
        suggestions=_suggestions(contact, (*instead_emails, *instead_addresses)),
    )
    needs = met(judged, standards)
    findings = (
        *(one for one in contact.quality.findings if one.code not in _OURS),
        *judge_names(contact),
        *about_emails,
        *about_phones,
        *about_addresses,
        *about_birthday,
        *missing(needs),
        *stale(judged, standards, today),
    )
    return msgspec.structs.replace(judged, quality=quality_of(needs, _first(findings)))


def _first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The gravest, as many as are kept; the order of the fields stays."""
    if len(findings) <= FINDINGS_MAX:
        return findings
    grave = [one for one in findings if one.severity == "error"]
    return (*grave, *(one for one in findings if one.severity != "error"))[:FINDINGS_MAX]


def _suggestions(contact: Contact, ours: Sequence[Suggestion]) -> tuple[Suggestion, ...]:
    return (*(one for one in contact.suggestions if one.origin != "validate"), *ours)


def _region(contact: Contact) -> str | None:
    """The country of the first address that names one that is known."""
    return next((code for one in contact.addresses if (code := country_code(one.country)) is not None), None)


def _home(contact: Contact, standards: Standards) -> str | None:
    """Where the contact's sources are at home, if they agree."""
    homes = {standards.homes.get(member.source) for member in contact.records}
    return homes.pop() if len(homes) == 1 else None


def _homes(contact: Contact, standards: Standards, home: str | None) -> tuple[str | None, ...]:
    """For each address the home of the source that said it, or that of all sources."""
    return tuple(
        standards.homes.get(origin.source) if (origin := contact.provenance.get(f"/addresses/{index}")) else home
        for index in range(len(contact.addresses))
    )
