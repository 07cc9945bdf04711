"""Mail addresses: what can be known about one alone, and what others have said about its domain and its mailbox."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from disposable_email_domains import blocklist
from email_validator import EmailNotValidError, validate_email

from services.validate.core.codes import Code, finding
from services.validate.core.mistyped import meant_domain
from shared.domain.contact import Contact, Email, Finding, Status, Suggestion
from shared.domain.mail import is_nobodys_mail, is_role_local

ADDRESSES_MAX: Final = 16_384
"""Unusual addresses kept as read: only these take the 70 µs of a full reading, and they come again with refreshes."""

DOMAINS_MAX: Final = 65_536
"""Domains kept as judged; a large customer base has some ten thousand business domains."""

DISPOSABLE: Final[frozenset[str]] = frozenset(blocklist)

_USUAL: Final = re.compile(
    r"(?=.{6,254}\Z)(?=[^@]{1,64}@)[a-z0-9_+'-]+(?:\.[a-z0-9_+'-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
    re.ASCII | re.IGNORECASE,
)
"""What nearly every address looks like; whatever fits is an address, whatever does not is read in full."""

_IDNA: Final = re.compile(r"(?:@|\.)..--", re.ASCII)
"""Labels with two hyphens at the third place have a meaning (RFC 5891, section 4.2.3.1), so these are read in full."""

_STATUS: Final[dict[Code, Status]] = {
    Code.EMAIL_SYNTAX: "invalid",
    Code.EMAIL_DISPOSABLE: "risky",
    Code.EMAIL_PLACEHOLDER: "risky",
    Code.EMAIL_TYPO: "risky",
}


def is_address(text: str) -> bool:
    """True when the text can be a mail address. Nobody is asked; reserved domains are addresses like any other."""
    return (_USUAL.fullmatch(text) is not None and _IDNA.search(text) is None) or _is_unusual_address(text)


@lru_cache(ADDRESSES_MAX)
def _is_unusual_address(text: str) -> bool:
    try:
        read = validate_email(text, check_deliverability=False, globally_deliverable=False, allow_domain_literal=False)
    except EmailNotValidError:
        return False
    except (ValueError, IndexError):  # lone surrogates and the like reach the IDNA codec below
        return False
    labels = read.ascii_domain.split(".") if read.ascii_domain else []
    return len(labels) > 1 and len(labels[-1]) > 1 and not labels[-1].isdigit()


@lru_cache(DOMAINS_MAX)
def is_disposable(domain: str) -> bool:
    """True when the domain, or one above it, lends mailboxes for minutes."""
    labels = domain.split(".")
    return any(".".join(labels[at:]) in DISPOSABLE for at in range(len(labels) - 1))


Heard = Mapping[str, Status]
"""What others said, by address as it is written in the contact: bounced, invalid (its domain takes no mail), or unknown
(asked, and not answered yet). An address that is missing here was not asked about, or nothing speaks against it.
"""

_HEARD: Final[Mapping[str, Code]] = {"bounced": Code.EMAIL_BOUNCED, "invalid": Code.EMAIL_NO_MAIL_DOMAIN}


def judge_emails(contact: Contact, heard: Heard) -> tuple[tuple[Email, ...], list[Finding], list[Suggestion]]:
    """Every address with its status, what is found, and what was probably meant."""
    findings: list[Finding] = []
    suggestions: list[Suggestion] = []
    judged: list[Email] = []
    for index, email in enumerate(contact.emails):
        path = f"/emails/{index}"
        code, meant = _judge(email.value, contact)
        said = heard.get(email.value)
        if code is None or (code not in _STATUS and said != "unknown"):
            code = _HEARD.get(said or "", code)
        if code is not None:
            findings.append(finding(code, path))
        if meant is not None:
            suggestions.append(meant_instead(path, email.value, meant))
        status = said if said is not None and code not in _STATUS else _status(code)
        judged.append(email if status == email.status else _with_status(email, status))
    return tuple(judged), findings, suggestions


def judged_alone(value: str, contact: Contact) -> bool:
    """True where an address alone says enough: nobody need be asked about a domain that is mistyped, or lent."""
    return _judge(value, contact)[0] in _STATUS


def meant_instead(path: str, value: str, domain: str) -> Suggestion:
    """The suggestion to write the address with another domain; only the domain is named in the reason."""
    local, _, wrong = value.rpartition("@")
    return Suggestion(path=path, value=f"{local}@{domain}", why=f"{wrong.lower()} looks mistyped", origin="validate")


def _judge(value: str, contact: Contact) -> tuple[Code | None, str | None]:
    """The gravest thing to say about an address, and the domain that was probably meant."""
    local, _, domain = value.lower().rpartition("@")
    if not is_address(value):
        meant = meant_domain(domain, contact.company.name)
        return Code.EMAIL_SYNTAX, meant if meant is not None and is_address(f"{local}@{meant}") else None
    if (meant := meant_domain(domain, contact.company.name)) is not None:
        return Code.EMAIL_TYPO, meant
    if is_disposable(domain):
        return Code.EMAIL_DISPOSABLE, None
    if is_nobodys_mail(f"{local}@{domain}"):
        return Code.EMAIL_PLACEHOLDER, None
    if contact.kind == "person" and is_role_local(local):
        return Code.EMAIL_ROLE, None
    return None, None


def _status(code: Code | None) -> Status:
    return "valid" if code is None else _STATUS.get(code, "valid")


def _with_status(email: Email, status: Status) -> Email:
    return Email(value=email.value, kind=email.kind, status=status, preferred=email.preferred)
