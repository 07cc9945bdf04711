"""Mail addresses: what is written, which mailbox is meant, and whose mailbox it may be."""

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

from shared.domain.tables import words
from shared.domain.text import fold, meant_as_name

MailKind = Literal["personal", "role", "family"]

READINGS_MAX: Final = 16_384
"""Addresses kept as read: the same address comes from several sources within minutes."""

LOCAL_MAX, ADDRESS_MAX = 64, 254
"""RFC 5321 section 4.5.3.1: longer local parts and paths need not be carried by anyone."""

_LOCAL: Final = re.compile(r"[^\s@()<>\[\]:;,\\\"]+")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_DRESSED: Final = re.compile(r".*<([^<>]+)>\s*|mailto:(.+)", re.IGNORECASE)
_FAMILY: Final = re.compile(
    r"(?:fam|famil[iy]e?|die)[._-].*|(?:familie|family)\w*|fam[a-z]{3,}\d*|.*[._-](?:und|and|u)[._-].*"
)
_NOBODY: Final = re.compile(
    r"(?:keine?|no|ohne|non)[._-]?(?:e?[._-]?mail\w*)?|unbekannt|unknown|dummy|asdf\w*|xxx+|none|null|nomail"
    r"|na|n\.a|noemail\w*|example|noreply|no-reply|donotreply|nichtvorhanden|nicht[._-]?bekannt"
)
_TESTED: Final = re.compile(r"test|tester|name|private?|abc|foo|bar")
"""Local parts that somebody may well have, other than at a domain of the same name (test@test.de)."""

_SAME_DOMAIN: Final = {"googlemail.com": "gmail.com"}


class EmailReading(msgspec.Struct, frozen=True):
    """An address as read: normalised value, canonical mailbox, its parts, and whether it can be an address at all."""

    value: str | None
    canonical: str | None
    local: str
    domain: str
    ok: bool

    def __repr__(self) -> str:
        return f"EmailReading(ok={self.ok})"


_NOTHING: Final = EmailReading(None, None, "", "", ok=False)


@lru_cache(READINGS_MAX)
def parse_email(text: str | None) -> EmailReading:
    """Read an address. `value` keeps the local part as written and the domain in lower case; None if it is none.

    `canonical` names the mailbox: lower case, without plus tag, for Gmail without dots. Two addresses with the same
    canonical form reach the same person's inbox; it is for comparing, never for sending.
    """
    if not text:
        return _NOTHING
    bare = text.strip()
    if match := _DRESSED.fullmatch(bare):
        bare = (match[1] or match[2]).strip()
    local, at, domain = bare.rpartition("@")
    domain = domain.rstrip(".").lower()
    if not at or len(local) > LOCAL_MAX or len(bare) > ADDRESS_MAX or not _sound(local, domain):
        return EmailReading(None, None, local, domain, ok=False)
    return EmailReading(f"{local}@{domain}", _mailbox(local.lower(), domain), local, domain, ok=True)


def is_free_mail(domain: str) -> bool:
    """True for domains that anybody can have a mailbox at; they say nothing about a company."""
    return domain.lower() in words("free_mail")


def is_role_local(local: str) -> bool:
    """True for local parts that belong to a function (info@, einkauf@), not to one person."""
    return fold(local).split("+", 1)[0] in words("role_mail")


def is_nobodys_mail(canonical: str) -> bool:
    """True for addresses that are typed to get past a required field: unbekannt@…, keine@…, test@test.de."""
    local, _, domain = canonical.partition("@")
    if local == "test" or (local.isalnum() and meant_as_name(local) is None):
        return local == domain.partition(".")[0] or not _TESTED.fullmatch(local)
    return bool(_NOBODY.fullmatch(local)) or local == domain.partition(".")[0] == "noemail"


@lru_cache(READINGS_MAX)
def mail_kind(canonical: str) -> MailKind:
    """Whose mailbox it seems to be by its form: one person's, a function's, or a whole family's."""
    local = canonical.partition("@")[0]
    if is_role_local(local):
        return "role"
    return "family" if _FAMILY.fullmatch(local) else "personal"


def _sound(local: str, domain: str) -> bool:
    if not _LOCAL.fullmatch(local) or local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    labels = domain.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return False
    return all(_LABEL.fullmatch(label) for label in labels)


def _mailbox(local: str, domain: str) -> str:
    domain = _SAME_DOMAIN.get(domain, domain)
    local = local.split("+", 1)[0] or local
    if domain == "gmail.com":
        local = local.replace(".", "")
    return f"{fold(local)}@{domain}"
