"""A contact: the golden record of one person as every stage after dedup carries it, whole, at one version.

The shape is that of `contacts.clean` (contract section 4): dedup fills identity, values and provenance; validate adds
status, findings and quality; enrich adds company, suggestions; rules adds categories, segments and priority.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

Kind = Literal["person", "organisation"]
CauseKind = Literal["record", "interaction", "fact", "judgement", "pin", "rule", "refresh", "restore"]
Status = Literal["valid", "invalid", "risky", "unknown", "bounced"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a contact. Its repr names the type only: what it holds belongs to a person."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The event that made a version: ids and codes only."""

    kind: CauseKind
    id: str
    source: str | None = None
    by: str | None = None


class Name(Part, frozen=True, kw_only=True):
    """The parts of a name and the name in full."""

    salutation: str | None = None
    prefix: str | None = None
    given: str | None = None
    family: str | None = None
    suffix: str | None = None
    full: str | None = None


class Email(Part, frozen=True, kw_only=True):
    """One mail address; at most one of a contact is preferred."""

    value: str
    kind: str | None = None
    status: Status = "unknown"
    preferred: bool = False


class Phone(Part, frozen=True, kw_only=True):
    """One number, E.164 where it can be read as one, else as the source wrote it."""

    value: str
    kind: str | None = None
    status: Status = "unknown"
    preferred: bool = False


class Address(Part, frozen=True, kw_only=True):
    """One postal address; country is ISO 3166-1 alpha-2 where it is understood, else as written."""

    street: str | None = None
    house_number: str | None = None
    extra: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    status: Status = "unknown"


class Company(Part, frozen=True, kw_only=True):
    """The company a person belongs to, or the organisation itself."""

    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    status: str | None = None
    vat_id: str | None = None


class Asking(Part, frozen=True, kw_only=True):
    """A form that asked for a consent and had no answer yet: which record of which source, and when."""

    source: str
    record_id: str
    at: datetime


class ConsentState(Part, frozen=True, kw_only=True):
    """What holds for one purpose, channel and address: the strictest of what was said (see `consent.py`).

    `asked`: somebody wants it by double opt-in, and the address has not confirmed yet.
    """

    purpose: str
    channel: str
    address: str | None = None
    status: str
    since: datetime | None = None
    asked: Asking | None = None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value comes from and why it won."""

    source: str
    record_id: str | None = None
    observed_at: datetime | None = None
    confidence: float = 1.0
    why: str = "only one"


class Former(Part, frozen=True, kw_only=True):
    """A value that no longer leads, with the time it was last said."""

    path: str
    value: Any
    source: str
    until: datetime


class Suggestion(Part, frozen=True, kw_only=True):
    """A value somebody may want to take over; never applied by itself. `origin` is the stage that suggests it."""

    path: str
    value: Any
    why: str
    origin: str = msgspec.field(name="from")


class Finding(Part, frozen=True, kw_only=True):
    """What validation says about one path, in a documented code."""

    path: str
    code: str
    severity: Literal["error", "warning", "info"]
    message: str


class Quality(Part, frozen=True, kw_only=True):
    """Score and completeness from 0 to 1, and the findings behind them."""

    score: float = 1.0
    completeness: float = 1.0
    findings: tuple[Finding, ...] = ()


class Priority(Part, frozen=True, kw_only=True):
    """How much this contact deserves attention, from 0 to 1, and the reasons that weigh most."""

    score: float = 0.0
    reasons: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the contact, by its ids."""

    source: str
    source_record_id: str | None = None
    record_id: str


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """One contact, whole, at one version. Its repr shows ids only."""

    contact_id: str
    version: int
    kind: Kind = "person"
    created_at: datetime
    updated_at: datetime
    cause: Cause
    changed: tuple[str, ...] = ()
    name: Name = Name()
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    addresses: tuple[Address, ...] = ()
    birthday: str | None = None
    gender: str | None = None
    company: Company = Company()
    department: str | None = None
    job_title: str | None = None
    language: str | None = None
    timezone: str | None = None
    owner: str | None = None
    website: str | None = None
    social_profiles: tuple[str, ...] = ()
    consents: tuple[ConsentState, ...] = ()
    attributes: dict[str, Any] = {}
    provenance: dict[str, Origin] = {}
    former: tuple[Former, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    quality: Quality = Quality()
    categories: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    priority: Priority = Priority()
    last_activity_at: datetime | None = None
    records: tuple[Member, ...] = ()
    records_total: int = 0
    merged_from: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Contact({self.contact_id}, version={self.version})"
