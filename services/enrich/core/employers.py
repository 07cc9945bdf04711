"""Employers: the company behind a business mail address, where it is one."""

import re
from functools import cache, lru_cache
from typing import Final, NamedTuple

from tldextract import TLDExtract

from shared.domain.addresses import company_key
from shared.domain.contact import Contact
from shared.domain.mail import is_free_mail
from shared.domain.text import words_of

DOMAINS_MAX: Final = 65_536
"""Domains kept as read; a large customer base has some ten thousand business domains."""

NAME_LETTERS_MIN: Final = 4
"""Shorter first words of a company (BMW aside: der, die, neue) are in too many domains by chance."""

NAMED: Final = 0.95
"""How sure a mail address's domain is the company's when the company's name is in it."""

UNNAMED: Final = 0.7
"""The same when no company is named: it may still be a club's, or a person's own under another name."""

OTHER: Final = 0.6
"""The same when the company named has another name: a trade mark, the parent company, or a former employer."""

_EDUCATION: Final = re.compile(
    r"(?:uni|tu|th|fh|hs|ph|univ|university|hochschule|college|campus)(?:-.+)?|.+-(?:uni|university)"
)
"""Names of universities' domains: their students are not their employees."""

_LEGAL: Final = {
    "gmbh": "GmbH", "ag": "AG", "kg": "KG", "ug": "UG", "ohg": "OHG", "gbr": "GbR", "ek": "e.K.", "se": "SE",
    "ev": "e.V.", "ltd": "Ltd.", "inc": "Inc.", "llc": "LLC",
}  # fmt: skip


class Domain(NamedTuple):
    """A domain as registered (`example.co.uk`), its name (`example`) and its public ending (`co.uk`)."""

    registered: str
    name: str
    ending: str


class Employer(NamedTuple):
    """A domain that may be the employer's, the path of the value it comes from, and how sure that is."""

    domain: Domain
    path: str
    confidence: float


def employers_of(contact: Contact) -> list[Employer]:
    """The business domains of a contact, surest first, each once; none of a free, doubtful or personal mailbox."""
    found: dict[str, Employer] = {}
    for index, email in enumerate(contact.emails):
        if email.status in ("valid", "unknown"):
            domain = registered(email.value.rpartition("@")[2].lower())
            if domain is not None and is_business(domain, contact):
                found.setdefault(domain.registered, Employer(domain, f"/emails/{index}", _sureness(domain, contact)))
    return sorted(found.values(), key=lambda one: -one.confidence)


def is_business(domain: Domain, contact: Contact) -> bool:
    """False for mailbox providers, universities, and a person's own domain (their family name, no company of it)."""
    if is_free_mail(domain.registered) or _is_education(domain):
        return False
    return names(domain, contact.company.name) or not _is_own(domain, contact)


def names(domain: Domain, company: str | None) -> bool:
    """True when the company's name is in the domain's, or the other way round."""
    if company is None:
        return False
    key = company_key(company)
    spoken = key.replace(" ", "")
    name = "".join(words_of(domain.name))
    first = key.partition(" ")[0]
    return bool(spoken and name) and (
        spoken in name or (len(name) >= NAME_LETTERS_MIN and name in spoken)
        or (len(first) >= NAME_LETTERS_MIN and name.startswith(first))
    )  # fmt: skip


def spoken_name(domain: Domain) -> str:
    """What the company may be called by its domain: `hennecke-ug` is Hennecke UG. A guess, to be suggested only."""
    return " ".join(_LEGAL.get(word, word.capitalize()) for word in domain.name.split("-") if word)


@lru_cache(DOMAINS_MAX)
def registered(host: str) -> Domain | None:
    """The registered domain of a host by the public suffix list as shipped, None where there is none.

    Reserved endings (`firma.example`) count as public ones.
    """
    read = _suffixes()(host)
    if read.suffix and read.domain:
        return Domain(f"{read.domain}.{read.suffix}", read.domain, read.suffix)
    labels = host.split(".")
    if read.suffix or len(labels) < 2 or not all(labels[-2:]):
        return None
    return Domain(".".join(labels[-2:]), labels[-2], labels[-1])


@cache
def _suffixes() -> TLDExtract:
    """No network, no cache folder: the list changes with the package alone."""
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def _is_education(domain: Domain) -> bool:
    return domain.ending.split(".")[0] in ("edu", "ac") or _EDUCATION.fullmatch(domain.name) is not None


def _is_own(domain: Domain, contact: Contact) -> bool:
    family = "".join(words_of(contact.name.family)) if contact.name.family else ""
    return len(family) >= NAME_LETTERS_MIN and contact.kind == "person" and family in "".join(words_of(domain.name))


def _sureness(domain: Domain, contact: Contact) -> float:
    if contact.company.name is None:
        return UNNAMED
    return NAMED if names(domain, contact.company.name) else OTHER
