"""The path of the data, as data: topics, keys, what they carry and how long they keep it. Read this first.

Topics are created from here, the picture in the README is drawn from here, and services find here what they consume
and produce. A name of a topic or of a type stands nowhere else in the code.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_DAY_MS: Final = 86_400_000

MESSAGE_BYTES_MAX: Final = 512 * 1024
"""No message is larger (contract section 4); topics are created with this limit and producers check it themselves,
since the client's batch call does not (a batch the broker rejects wedges an idempotent producer)."""


class Type(StrEnum):
    """What a message says. On the wire a type is written `kontaktwerk.<value>.v1`."""

    RECORD_RECEIVED = "record.received"
    RECORD_DELETED = "record.deleted"
    INTERACTION_RECEIVED = "interaction.received"
    REFRESH_REQUESTED = "refresh.requested"
    CONTACT_RESOLVED = "contact.resolved"
    CONTACT_VALIDATED = "contact.validated"
    CONTACT_ENRICHED = "contact.enriched"
    CONTACT_CLEANED = "contact.cleaned"
    CONTACT_RETIRED = "contact.retired"
    INTERACTION_RESOLVED = "interaction.resolved"
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_MERGED = "contact.merged"
    CONTACT_SPLIT = "contact.split"
    CONTACT_REVIVED = "contact.revived"
    CONTACT_DELETED = "contact.deleted"
    CONSENT_CHANGED = "consent.changed"
    SEGMENT_ENTERED = "segment.entered"
    SEGMENT_LEFT = "segment.left"
    NOTIFICATION_REQUESTED = "notification.requested"
    REVIEW_OPENED = "review.opened"
    ERASURE_REQUESTED = "erasure.requested"
    ERASURE_ANSWERED = "erasure.answered"
    CONTACT_ERASED = "contact.erased"
    IDENTITY_ASSIGNED = "identity.assigned"
    JUDGEMENT_GIVEN = "judgement.given"
    JUDGEMENT_WITHDRAWN = "judgement.withdrawn"
    PIN_SET = "pin.set"
    PIN_REMOVED = "pin.removed"

    @property
    def wire(self) -> str:
        """The type as headers carry it, such as `kontaktwerk.record.received.v1`."""
        return f"kontaktwerk.{self.value}.v1"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name, what its key is, which types it carries and for how long it keeps them."""

    name: str
    key: str
    types: tuple[Type, ...]
    kept: str
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One service's place on the path: what it reads, what it says, and where it sets messages aside.

    `patience_ms` is how long a fetch may wait for more messages: nobody waits for those who stand beside the path.
    """

    service: str
    consumes: tuple[Topic, ...]
    produces: tuple[Topic, ...]
    dead_letters: Topic
    patience_ms: int = 100


def _kept(days: int) -> tuple[tuple[str, str], ...]:
    return (("cleanup.policy", "delete"), ("retention.ms", str(days * _DAY_MS)))


_PASSING: Final = (Type.CONTACT_RETIRED, Type.INTERACTION_RESOLVED, Type.NOTIFICATION_REQUESTED)
"""What goes through all stages as it is; `notification.requested` only in a restore: it was requested before."""

RECEIVED: Final = Topic(
    "contacts.received",
    "record id; contact id for requests about a contact",
    (
        Type.RECORD_RECEIVED,
        Type.RECORD_DELETED,
        Type.INTERACTION_RECEIVED,
        Type.REFRESH_REQUESTED,
        Type.ERASURE_REQUESTED,
        Type.ERASURE_ANSWERED,
        Type.IDENTITY_ASSIGNED,
        Type.JUDGEMENT_GIVEN,
        Type.JUDGEMENT_WITHDRAWN,
        Type.PIN_SET,
        Type.NOTIFICATION_REQUESTED,
    ),
    "7 days",
    _kept(7),
)
RESOLVED: Final = Topic("contacts.resolved", "contact id", (Type.CONTACT_RESOLVED, *_PASSING), "7 days", _kept(7))
VALIDATED: Final = Topic("contacts.validated", "contact id", (Type.CONTACT_VALIDATED, *_PASSING), "7 days", _kept(7))
ENRICHED: Final = Topic("contacts.enriched", "contact id", (Type.CONTACT_ENRICHED, *_PASSING), "7 days", _kept(7))
CLEAN: Final = Topic(
    "contacts.clean",
    "contact id",
    (Type.CONTACT_CLEANED, Type.CONTACT_RETIRED),
    "compacted, not before 7, not after 8 days",
    (
        ("cleanup.policy", "compact"),
        ("min.compaction.lag.ms", str(7 * _DAY_MS)),
        ("max.compaction.lag.ms", str(8 * _DAY_MS)),
        ("delete.retention.ms", str(8 * _DAY_MS)),
        ("segment.ms", str(_DAY_MS)),
    ),
)
EVENTS: Final = Topic(
    "contacts.events",
    "contact id",
    (
        Type.CONTACT_CREATED,
        Type.CONTACT_UPDATED,
        Type.CONTACT_MERGED,
        Type.CONTACT_SPLIT,
        Type.CONTACT_REVIVED,
        Type.CONTACT_DELETED,
        Type.CONTACT_ERASED,
        Type.CONSENT_CHANGED,
        Type.SEGMENT_ENTERED,
        Type.SEGMENT_LEFT,
        Type.NOTIFICATION_REQUESTED,
        Type.REVIEW_OPENED,
    ),
    "30 days",
    _kept(30),
)
DECIDED: Final = Topic(
    "contacts.decided",
    "contact id; judgement id for judgements",
    (
        Type.IDENTITY_ASSIGNED,
        Type.JUDGEMENT_GIVEN,
        Type.JUDGEMENT_WITHDRAWN,
        Type.PIN_SET,
        Type.PIN_REMOVED,
        Type.INTERACTION_RESOLVED,
        Type.ERASURE_ANSWERED,
    ),
    "30 days",
    _kept(30),
)


def _dead_letters(service: str) -> Topic:
    return Topic(f"contacts.dead-letter.{service}", "as it came", (), "30 days", _kept(30))


DEAD_LETTERS: Final = {
    service: _dead_letters(service) for service in ("ingest", "dedup", "validate", "enrich", "rules", "backup")
}

PATH: Final = (
    Step("ingest", (RECEIVED, RESOLVED, CLEAN, *DEAD_LETTERS.values()), (RECEIVED,), DEAD_LETTERS["ingest"], 500),
    Step("dedup", (RECEIVED,), (RESOLVED, EVENTS, DECIDED), DEAD_LETTERS["dedup"]),
    Step("validate", (RESOLVED,), (VALIDATED,), DEAD_LETTERS["validate"]),
    Step("enrich", (VALIDATED,), (ENRICHED,), DEAD_LETTERS["enrich"]),
    Step("rules", (ENRICHED, CLEAN), (CLEAN, EVENTS, RECEIVED), DEAD_LETTERS["rules"]),
    Step("backup", (RECEIVED, CLEAN, EVENTS, DECIDED), (RECEIVED,), DEAD_LETTERS["backup"], 500),
)
"""The services in the order a contact meets them."""

TOPICS: Final = (RECEIVED, RESOLVED, VALIDATED, ENRICHED, CLEAN, EVENTS, DECIDED, *DEAD_LETTERS.values())
SERVICES: Final = tuple(step.service for step in PATH)
LETTER_TOPICS: Final = frozenset(topic.name for topic in DEAD_LETTERS.values())
SETS_ASIDE: Final = {
    topic.name: step.service for step in reversed(PATH) if step.service != "ingest" for topic in step.consumes
}
"""Who sets aside what nobody can read on a topic: the first that decides on it. Whoever follows it besides passes over
it, so that one message is one letter; letters themselves nobody sets aside again."""


def step_of(service: str) -> Step:
    """The step of one service. Raises KeyError for a name that is none."""
    for step in PATH:
        if step.service == service:
            return step
    raise KeyError(service)


PATH_WORDS: Final = {
    **dict.fromkeys(
        ("records", "record-deletions", "interactions", "receipts", "sources", "imports", "status", "dead-letters",
         "schemas", "events"),
        "ingest",
    ),
    **dict.fromkeys(
        ("matches", "identities", "explanations", "comparisons", "reviews", "merges", "splits", "judgements", "pins",
         "reconciles"),
        "dedup",
    ),
    **dict.fromkeys(("validations", "quality"), "validate"),
    **dict.fromkeys(("providers",), "enrich"),
    **dict.fromkeys(
        ("contacts", "removals", "contact-searches", "timelines", "segments", "rules", "backtests"), "rules"
    ),
    **dict.fromkeys(
        ("histories", "diffs", "traces", "backups", "restores", "undos", "erasures"), "backup"
    ),
}  # fmt: skip
"""Who answers `/v1/<word>…`: the first word of a path belongs to exactly one service, so any proxy can route by it."""
