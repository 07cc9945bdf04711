"""What enrich decides: gaps are filled where the contact itself says how, everything else is only suggested.

Nothing that is there is ever replaced. What was filled says so in its provenance (`enrich:…`), with how sure it is.
Deterministic and idempotent.
"""

from typing import Any, Final, NamedTuple

import msgspec

from services.enrich.core.employers import NAMED, Employer, employers_of, names, registered, spoken_name
from services.enrich.core.regions import manner_of, salutation_of, timezone_of
from shared.domain.contact import Contact, Origin, Suggestion

CERTAIN: Final = 0.99
"""A country with one time zone, Herr for a man: wrong only where what it rests on is."""

ADDRESSED: Final = 0.8
"""Somebody addressed in a language reads it; it need not be the one they like best."""

_STAGE: Final = "enrich"


class Fill(NamedTuple):
    """A value for a gap: its path, what it rests on (the path, if one value), how it was found and how sure it is."""

    path: str
    value: str
    rests_on: str
    how: str
    confidence: float


def decide(contact: Contact) -> Contact:
    """The contact as enriched from itself. Suggestions of other stages stay; ours are made anew."""
    employers = employers_of(contact)
    fills = [*_company(contact, employers), *_region(contact), *_manner(contact)]
    filled = _filled(contact, fills) if fills else contact
    suggestions = (
        *(one for one in contact.suggestions if one.origin != _STAGE),
        *_suggestions(filled, employers),
    )
    if suggestions == filled.suggestions:
        return filled
    return msgspec.structs.replace(filled, suggestions=suggestions)


def _company(contact: Contact, employers: list[Employer]) -> list[Fill]:
    """The company's domain, where it is missing and no second one is as likely."""
    if contact.company.domain is not None or not employers:
        return []
    first = employers[0]
    if len(employers) > 1 and employers[1].confidence == first.confidence:
        return []
    return [Fill("/company/domain", first.domain.registered, first.path, "enrich:domain", first.confidence)]


def _region(contact: Contact) -> list[Fill]:
    if contact.timezone is not None or (zone := timezone_of(contact)) is None:
        return []
    return [Fill("/timezone", zone, "/addresses/0", "enrich:country", CERTAIN)]


def _manner(contact: Contact) -> list[Fill]:
    """Gender and language from the salutation, or the salutation from both."""
    if contact.kind != "person":
        return []
    salutation = contact.name.salutation
    if salutation is None:
        said = salutation_of(contact.gender, contact.language)
        return [Fill("/name/salutation", said, "/gender", "enrich:gender", CERTAIN)] if said is not None else []
    if (manner := manner_of(salutation)) is None:
        return []
    fills: list[Fill] = []
    if contact.gender is None:
        fills.append(Fill("/gender", manner.gender, "/name/salutation", "enrich:salutation", CERTAIN))
    if contact.language is None:
        fills.append(Fill("/language", manner.language, "/name/salutation", "enrich:salutation", ADDRESSED))
    return fills


def _filled(contact: Contact, fills: list[Fill]) -> Contact:
    provenance = dict(contact.provenance)
    alone: dict[str, Any] = {}
    for fill in fills:
        rest = contact.provenance.get(fill.rests_on)
        provenance[fill.path] = Origin(
            source=fill.how,
            record_id=rest.record_id if rest is not None else None,
            observed_at=rest.observed_at if rest is not None else None,
            confidence=fill.confidence,
        )
        match fill.path:
            case "/company/domain":
                alone["company"] = msgspec.structs.replace(contact.company, domain=fill.value)
            case "/name/salutation":
                alone["name"] = msgspec.structs.replace(contact.name, salutation=fill.value)
            case path:
                alone[path[1:]] = fill.value
    return msgspec.structs.replace(contact, provenance=provenance, **alone)


def _suggestions(contact: Contact, employers: list[Employer]) -> list[Suggestion]:
    """Company and website by the domain, and the domains themselves where it is open which is meant."""
    made: list[Suggestion] = []
    if contact.company.domain is None:
        made += [_suggest("/company/domain", one.domain.registered, one) for one in employers]
    if contact.company.name is None and contact.company.domain is not None:
        made += [
            _suggest("/company/name", spoken_name(one.domain), one)
            for one in employers
            if one.domain.registered == contact.company.domain
        ]
    if contact.website is None and (site := _site(contact)) is not None:
        why = "the company's domain usually has its website"
        made.append(Suggestion(path="/website", value=site, why=why, origin=_STAGE))
    return made


def _suggest(path: str, value: str, employer: Employer) -> Suggestion:
    why = f"the mail address is at {employer.domain.registered}, which is no mailbox provider"
    return Suggestion(path=path, value=value, why=why, origin=_STAGE)


def _site(contact: Contact) -> str | None:
    """The company's website by its domain, where the domain is sure to be the company's."""
    domain = contact.company.domain
    if domain is None or (read := registered(domain)) is None:
        return None
    origin = contact.provenance.get("/company/domain")
    sure = origin is None or origin.confidence >= NAMED or names(read, contact.company.name)
    return f"https://{domain}" if sure else None
