"""What enrich decides: gaps are filled where the contact itself or a provider says how, the rest is only suggested.

Nothing that a source or a person said is ever replaced. What was filled says so in its provenance (`enrich:…`,
`provider:…`), with how sure it is. Deterministic and idempotent. Two halves: `plan` derives and asks, `decide` answers.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services.enrich.core.asking import Asked
from services.enrich.core.employers import NAMED, Employer, employers_of, names, registered, spoken_name
from services.enrich.core.filling import Answer, fill
from services.enrich.core.questions import Wanted, wanted
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


class Plan(NamedTuple):
    """A contact with what follows from itself, who may employ the person, and what is worth asking."""

    contact: Contact
    employers: list[Employer]
    questions: list[Wanted]


def plan(contact: Contact, providers: Sequence[Asked] = ()) -> Plan:
    """The first half: what follows from the contact alone, and the questions to these providers."""
    employers = employers_of(contact)
    fills = [*_company(contact, employers), *_region(contact), *_manner(contact)]
    filled = _filled(contact, fills) if fills else contact
    return Plan(filled, employers, wanted(filled, providers, employers) if providers else [])


def decide(plan: Plan, answers: Sequence[Answer] = ()) -> Contact:
    """The second half: the contact as enriched. `answers` come surest first.

    Suggestions of other stages stay; ours, and those of providers, are made anew.
    """
    others = tuple(one for one in plan.contact.suggestions if not _is_ours(one))
    bare = plan.contact if len(others) == len(plan.contact.suggestions) else _with(plan.contact, others)
    filled = fill(bare, answers, f"{_STAGE}:")
    ours = _suggestions(filled, plan.employers)
    return _with(filled, (*filled.suggestions, *ours)) if ours else filled


def _is_ours(suggestion: Suggestion) -> bool:
    return suggestion.origin == _STAGE or suggestion.origin.startswith("provider:")


def _with(contact: Contact, suggestions: tuple[Suggestion, ...]) -> Contact:
    return msgspec.structs.replace(contact, suggestions=suggestions)


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
    for one in fills:
        rest = contact.provenance.get(one.rests_on)
        provenance[one.path] = Origin(
            source=one.how,
            record_id=rest.record_id if rest is not None else None,
            observed_at=rest.observed_at if rest is not None else None,
            confidence=one.confidence,
        )
        match one.path:
            case "/company/domain":
                alone["company"] = msgspec.structs.replace(contact.company, domain=one.value)
            case "/name/salutation":
                alone["name"] = msgspec.structs.replace(contact.name, salutation=one.value)
            case path:
                alone[path[1:]] = one.value
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
