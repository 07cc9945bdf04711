"""The configuration files as values: what sources there are, what is required, how long values stay fresh, which rules.

Loaded, checked and activated by `shared/runtime/configuration.py`; unknown keys are refused there with a suggestion.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Vendor = Literal[
    "generic", "form", "brevo", "calendly", "cleverreach", "contact-form-7", "debezium", "eventbrite", "gravity-forms",
    "hubspot", "jotform", "mailchimp", "pretix", "rapidmail", "rest", "salesforce", "hubspot-contacts", "sql",
    "standard-webhooks", "stripe", "tally", "typeform",
]  # fmt: skip
"""How deliveries of a source are read; docs/connectors has a page for each."""


class Paging(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an API goes on after a page, one of: the Link header; `next`, where the answer has the next address;
    `cursor`, where it has what is sent as `param`; `param` alone, a number that counts up from `first` until a page is
    empty.
    """

    link: bool = False
    next: str | None = None
    cursor: str | None = None
    param: str | None = None
    first: int = 1


class OptIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Double opt-in of a form: for which purpose mail is asked for, in which words, and which box has to be ticked.

    `text` is what the visitor agrees to, as it stands on the page; it is kept with the consent and shown again before
    it is confirmed. Without `field` every submission asks.
    """

    purpose: str
    text: str
    field: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source: how its deliveries are read and how much its word counts (trust 0 to 100).

    `key`, `origins`, `thanks`, `honeypot` and `opt_in` are of a form on a page; `public_url` is the address of the hook
    as others know it: HubSpot signs it, and the link that confirms an opt-in begins with it.
    `limit` is how much one process takes: of a form by visitor, of any other source its records or hooks.
    `hooks`: paused answers 503, so that vendors try again; gone answers 410, so that they stop.
    `unique` names ids that this source gives a person once, `unique_per_person` such as a person has once anywhere: a
    field, `attributes.<key>` or `source_record_id`.
    Of a table (`sql`) are `url`, `query`, `key` (the column that names a row), `watermark` (a column that grows with
    every change), `schedule` and `timezone`, and `deletions_max`: the share that a compare takes back without asking;
    `whole_schedule` is when it is compared whole, where `schedule` goes by the watermark.
    `api` and `token`: where, and with what, is asked for what a hook only points to (pretix, and others that run in
    one place), or for a list that is pulled (rest): there are `path`, `changes` (what is asked instead since a
    watermark, which is put in for `{since}`), `rows` (where the rows stand in an answer) and `pages`.
    `topic` is where Debezium writes the changes of a table.
    """

    connector: Vendor = "generic"
    trust: int = 50
    country: str | None = None
    language: str | None = None
    secrets: tuple[str, ...] = ()
    map: Mapping[str, str] = {}
    empty: Literal["keep", "clear"] = "keep"
    hooks: Literal["open", "paused", "gone"] = "open"
    public_url: str | None = None
    key: str | None = None
    origins: tuple[str, ...] = ()
    thanks: str | None = None
    honeypot: str | None = None
    limit: str | None = None
    opt_in: OptIn | None = None
    unique: tuple[str, ...] = ()
    unique_per_person: tuple[str, ...] = ()
    url: str | None = None
    query: str | None = None
    watermark: str | None = None
    schedule: str | None = None
    whole_schedule: str | None = None
    timezone: str = "Europe/Berlin"
    deletions_max: float = 0.1
    api: str | None = None
    token: str | None = None
    path: str | None = None
    changes: str | None = None
    rows: str | None = None
    pages: Paging | None = None
    topic: str | None = None

    def __repr__(self) -> str:
        return f"Source(connector={self.connector}, trust={self.trust})"


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which fields each purpose needs, how long values stay fresh, and which value of a field lives on."""

    required: Mapping[str, tuple[str, ...]] = {}
    half_life: Mapping[str, str] = {}
    survivorship: Mapping[str, tuple[str, ...]] = {}


class At(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a dated rule has its occasion: exactly one of anniversary, before, after, inactive and missing.

    The first three name a date of the contact (`birthday`, `created_at`, `attributes.…`), missing a field of a record;
    durations are texts such as `30d`, times of day such as `08:00` in the contact's zone.
    """

    anniversary: str | None = None
    before: str | None = None
    after: str | None = None
    inactive: str | None = None
    missing: str | None = None
    by: str | None = None
    for_: str | None = msgspec.field(default=None, name="for")
    time: str | None = None
    leap_day: Literal["02-28", "03-01"] = "02-28"
    valid_for: str | None = None


class Notify(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tell our own people: by which channel, whom (`owner`, or an address), and in the words of which template."""

    channel: str
    to: str | None = None
    template: str | None = None


class Mail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Write to the contact, under a consent for this purpose only; or, with `confirms`, ask for that very consent, once
    for each time that a form with double opt-in asked.
    """

    purpose: str
    template: str
    channel: str = "mail"
    confirms: bool = False


class Then(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule does: the first three while it holds, the others once for each occasion."""

    category: str | None = None
    segment: str | None = None
    score: int = 0
    notify: Notify | None = None
    mail: Mail | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: a condition in CEL, a date, or both, and what follows from it."""

    name: str
    when: str | None = None
    at: At | None = None
    then: Then
    sticky: bool = False
    delivery: Literal["at-least-once", "at-most-once"] = "at-least-once"
    tests: tuple[Mapping[str, Any], ...] = ()


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way out for notifications: by mail (`smtp`), by signed web hook (`webhook`), or, with neither, into the log.

    `to` is who is told when a rule names nobody; `owners` holds the addresses of owners that are no addresses.
    """

    smtp: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    owners: Mapping[str, str] = {}
    webhook: str | None = None
    secret: str | None = None

    def __repr__(self) -> str:
        return f"Channel({'smtp' if self.smtp else 'webhook' if self.webhook else 'log'})"


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many questions a provider is asked at most: a day in UTC, whether it answers or not."""

    day: int | None = None


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How we prove to a provider who we are; `basic` is user:password, the last two name what carries the key."""

    bearer: str | None = None
    basic: str | None = None
    header: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return "Auth(…)"


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service over HTTP that knows something: what it is asked, how, how often, and which gaps its answers fill.

    `url` and the texts of `body` hold the question as `{company_domain}` and the like; `fills` leads from paths of the
    clean contact to places in the answer (`$.industry`); `echo` is where the answer repeats the question.
    """

    asks: Literal["company_domain", "email", "vat_id", "phone"]
    url: str
    method: Literal["GET", "POST"] = "GET"
    body: Any = None
    auth: Auth = Auth()
    rate: str = "5/s"
    budget: Budget = Budget()
    timeout: str = "10s"
    ttl: str = "90d"
    negative_ttl: str = "14d"
    fills: Mapping[str, str]
    echo: str | None = None
    confidence: float = 0.8

    def __repr__(self) -> str:
        return f"Provider(asks={self.asks})"


class Backups(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to back up (five fields of cron, in a time zone), where to, and of how many periods the last set stays."""

    schedule: str | None = None
    timezone: str = "Europe/Berlin"
    to: str | None = None
    keep: Mapping[Literal["daily", "weekly", "monthly"], int] = {}


class Reconcile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to recompute identities (five fields of cron, in a time zone), and of whom: of all, under new frequencies of
    names, or only of what hangs together with contacts that changed since the last time.
    """

    schedule: str | None = None
    timezone: str = "Europe/Berlin"
    scope: Literal["all", "changed"] = "all"


class Operations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done by the clock, without anybody asking."""

    backup: Backups = Backups()
    reconcile: Reconcile = Reconcile()


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Everything configured, as one value with the digest of the files it was read from.

    `revision` is the number under which all processes use it; 0 where it was only read, as by checks.
    """

    digest: str
    revision: int = 0
    sources: Mapping[str, Source]
    fields: Fields
    rules: tuple[Rule, ...]
    channels: Mapping[str, Channel] = {}
    templates: Mapping[str, str] = {}
    operations: Operations = Operations()
    providers: Mapping[str, Provider] = {}
