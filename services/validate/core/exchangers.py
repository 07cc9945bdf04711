"""Mail exchangers: which domains are worth a question to the DNS, and what an answer says about an address."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

from services.validate.core.emails import judged_alone
from shared.domain.contact import Contact
from shared.domain.mail import is_free_mail

KIND: Final = "mail-exchangers"
"""The kind of question, as facts name it."""

RESERVED_ENDINGS: Final = frozenset({"test", "example", "invalid", "localhost", "local", "internal", "onion", "arpa"})
"""Top-level domains that no name server answers for (RFC 2606, 6761, 6762, 7686, 9476)."""

RESERVED_NAMES: Final = frozenset({"example", "beispiel"})
"""example.com, .net and .org are reserved (RFC 2606); under other endings, example.de among them, nobody means more."""


class Ground(StrEnum):
    """Why mail for a domain is taken, or is not (RFC 5321 section 5.1, RFC 7505)."""

    EXCHANGER = "mx"
    ADDRESS = "address"
    NULL_MX = "null-mx"
    NOTHING = "nothing"
    NO_DOMAIN = "no-domain"


TAKES_MAIL: Final = frozenset({Ground.EXCHANGER, Ground.ADDRESS})


def domains_of(contact: Contact) -> Iterator[str]:
    """The domains of a contact's addresses that are worth asking about; the large providers are known to exist."""
    for email in contact.emails:
        domain = email.value.lower().rpartition("@")[2]
        if is_asked(domain) and not judged_alone(email.value, contact):
            yield domain


def is_asked(domain: str) -> bool:
    """False for reserved names, which are addresses like any other, and for providers of free mail."""
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1] in RESERVED_ENDINGS or labels[-2] in RESERVED_NAMES:
        return False
    return not is_free_mail(domain)


def takes_mail(answer: Any) -> bool:
    """What a fact says: True or False; an answer of a form we do not know speaks for the domain."""
    return not isinstance(answer, str) or answer in TAKES_MAIL
