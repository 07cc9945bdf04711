"""Questions: what is asked about a contact. A question names a company or an address, never a contact."""

from collections.abc import Sequence
from typing import NamedTuple

from services.enrich.core.asking import Asked
from services.enrich.core.employers import Employer, is_business, registered
from services.enrich.core.filling import gaps
from shared.domain.contact import Contact
from shared.domain.mail import is_free_mail


class Wanted(NamedTuple):
    """A question to a provider, and whether its answer could fill a gap: only then is it worth asking.

    Its repr leaves the subject out: it may be a person's.
    """

    provider: str
    subject: str
    worth: bool

    def __repr__(self) -> str:
        return f"Wanted({self.provider})"


def wanted(contact: Contact, providers: Sequence[Asked], employers: Sequence[Employer]) -> list[Wanted]:
    """One question a provider, where the contact has what it is asked by."""
    subjects = {
        "company_domain": _company_domain(contact, employers),
        "email": _email(contact),
        "vat_id": _vat_id(contact),
        "phone": _phone(contact),
    }
    found: list[Wanted] = []
    for provider in providers:
        subject = subjects[provider.asks]
        if subject is not None:
            found.append(Wanted(provider.name, subject, bool(gaps(contact, list(provider.fills)))))
    return found


def _company_domain(contact: Contact, employers: Sequence[Employer]) -> str | None:
    """The company's domain, else its website's, else that of the surest business mail address; never a mailbox
    provider's, never a person's own.
    """
    site = (contact.website or "").partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    for host in (contact.company.domain, site):
        domain = registered(host.lower()) if host else None
        if domain is not None and not is_free_mail(domain.registered) and is_business(domain, contact):
            return domain.registered
    return employers[0].domain.registered if employers else None


def _email(contact: Contact) -> str | None:
    usable = [one for one in contact.emails if one.status == "valid" or (one.status == "unknown" and "@" in one.value)]
    return min(usable, key=lambda one: not one.preferred).value.lower() if usable else None


def _phone(contact: Contact) -> str | None:
    usable = [one for one in contact.phones if one.status == "valid" and one.value.startswith("+")]
    return min(usable, key=lambda one: not one.preferred).value if usable else None


def _vat_id(contact: Contact) -> str | None:
    """Without the spaces and dots that people write."""
    bare = "".join(letter for letter in contact.company.vat_id or "" if letter.isalnum()).upper()
    return bare if bare.isascii() and len(bare) > 4 else None
