"""The finding codes: what validation can say about a path of a contact, and what to do about it.

A message never quotes a value: findings are counted, listed and logged, values belong to a person. `docs/findings.md`
is written from here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, NamedTuple

from shared.domain.contact import Finding

Severity = Literal["error", "warning", "info"]


class Code(StrEnum):
    """What a finding says. Closed and documented; new ones may be added, none changes its meaning."""

    EMAIL_SYNTAX = "email.syntax"
    EMAIL_NO_MAIL_DOMAIN = "email.no-mail-domain"
    EMAIL_BOUNCED = "email.bounced"
    EMAIL_DISPOSABLE = "email.disposable"
    EMAIL_PLACEHOLDER = "email.placeholder"
    EMAIL_ROLE = "email.role"
    EMAIL_TYPO = "email.typo"
    PHONE_INVALID = "phone.invalid"
    POSTCODE_INVALID = "postcode.invalid"
    POSTCODE_CITY_MISMATCH = "postcode.city-mismatch"
    COUNTRY_UNKNOWN = "country.unknown"
    BIRTHDAY_IMPLAUSIBLE = "birthday.implausible"
    NAME_IMPLAUSIBLE = "name.implausible"
    NAME_PLACEHOLDER = "name.placeholder"
    FIELD_MISSING = "field.missing"
    FIELD_STALE = "field.stale"


class Meaning(NamedTuple):
    """How bad a finding is, when it is made, and the sentence that says what to do."""

    severity: Severity
    when: str
    message: str


MEANINGS: Final[Mapping[Code, Meaning]] = {
    Code.EMAIL_SYNTAX: Meaning(
        "error",
        "The text is no mail address (RFC 5321, 5322, 6531; the domain needs a dot).",
        "This is not a mail address; ask for it again.",
    ),
    Code.EMAIL_NO_MAIL_DOMAIN: Meaning(
        "error",
        "The domain does not exist, or says that it takes no mail (DNS: no MX, no address, or a null MX, RFC 7505).",
        "No mail reaches this domain; ask for another address.",
    ),
    Code.EMAIL_BOUNCED: Meaning(
        "error",
        "Mail came back for good, or three times within 30 days, and nothing was read since (interactions).",
        "Mail to this address comes back; ask for another one by another way.",
    ),
    Code.EMAIL_DISPOSABLE: Meaning(
        "warning",
        "The domain lends mailboxes for minutes (list of the package disposable-email-domains).",
        "This is a throw-away mailbox; ask for a lasting address.",
    ),
    Code.EMAIL_PLACEHOLDER: Meaning(
        "warning",
        "The address is typed to get past a required field, such as keine@ or test@.",
        "This address looks made up to fill a required field; ask for the real one.",
    ),
    Code.EMAIL_ROLE: Meaning(
        "info",
        "A person's address belongs to a function, such as info@ or einkauf@; organisations may have these.",
        "Several people may read this mailbox; ask for a personal address before writing personally.",
    ),
    Code.EMAIL_TYPO: Meaning(
        "warning",
        "The domain is a slip away from a frequent provider's, or its ending from one that exists.",
        "The mail domain looks mistyped; check the suggestion and correct the address at its source.",
    ),
    Code.PHONE_INVALID: Meaning(
        "error",
        "The number cannot be read, or its range is not in use in its country (libphonenumber).",
        "This number cannot be dialled as written; ask for it with its country code.",
    ),
    Code.POSTCODE_INVALID: Meaning(
        "error",
        "The postcode has not the form of its country (Google's address data).",
        "This is not a postcode of that country; check postcode and country.",
    ),
    Code.POSTCODE_CITY_MISMATCH: Meaning(
        "warning",
        "The city is one of the large ones whose postcode areas we know, and the postcode lies outside them.",
        "Postcode and city do not belong together; find out which of the two is wrong.",
    ),
    Code.COUNTRY_UNKNOWN: Meaning(
        "warning",
        "The country is neither an ISO 3166-1 code nor a German or English country name.",
        "This country is not known; write its ISO code or its German or English name.",
    ),
    Code.BIRTHDAY_IMPLAUSIBLE: Meaning(
        "error",
        "No such date, still to come, over 120 years ago; as a warning, a date that systems fill in for none.",
        "Ask for the birthday or clear it.",
    ),
    Code.NAME_IMPLAUSIBLE: Meaning(
        "warning",
        "The name holds digits, a mail address, a web address or signs that no name has.",
        "This does not look like a name; check whether a value stands in the wrong field.",
    ),
    Code.NAME_PLACEHOLDER: Meaning(
        "warning",
        "The name is typed to get past a required field, such as n/a, xxx, Test or Max Mustermann.",
        "This is a placeholder, not a name; ask for the name.",
    ),
    Code.FIELD_MISSING: Meaning(
        "warning",
        "`fields.yaml` requires the field for a purpose, and nothing is there.",
        "Ask for it, or look it up.",
    ),
    Code.FIELD_STALE: Meaning(
        "info",
        "The value was last confirmed longer ago than its half-life in `fields.yaml`.",
        "Half of the values of this age are no longer right; have it confirmed.",
    ),
}


def finding(code: Code, path: str, lead: str = "", severity: Severity | None = None) -> Finding:
    """A finding at a path (a JSON pointer into the contact); `lead` is a sentence before the usual message.

    `severity` is for a case that is less certain than the code's usual one.
    """
    meaning = MEANINGS[code]
    message = f"{lead} {meaning.message}" if lead else meaning.message
    return Finding(path=path, code=code.value, severity=severity or meaning.severity, message=message)
