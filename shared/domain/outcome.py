"""What can become of one message at one stage: it goes on, it is dropped, or it is set aside. No fourth way."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.events import Event
from shared.topology import Topic


class DropReason(StrEnum):
    """Why an accepted event ends without reaching a contact. Closed and documented: `status` counts by it."""

    REDELIVERED = "redelivered"
    """The same event was decided before; it is said again where needed, and counted once."""
    STALE = "stale"
    """A newer version of this contact was here first."""
    UNCHANGED = "unchanged"
    """It says what was known already; nothing moves."""
    NOT_OURS = "not-ours"
    """A type or part of the topic this stage has nothing to do with."""
    UNKNOWN_RECORD = "unknown-record"
    """A deletion of a record that never came."""
    UNKNOWN_CONTACT = "unknown-contact"
    """A refresh of a contact that does not exist, or an interaction whose person never came."""
    ERASED = "erased"
    """About a person who was erased after it had been received: it never comes back."""
    SUPERSEDED = "superseded"
    """An update that a later deletion of its record had overtaken."""
    MENDED = "mended"
    """A dead letter that somebody mended: the event it was mended to stands, and is counted, in its place."""
    GIVEN_UP = "given-up"
    """A dead letter that somebody gave up, with a reason that is kept with the letter."""
    EXPIRED = "expired"
    """A dead letter that nobody mended while the log kept it."""


class LetterReason(StrEnum):
    """Why a message was set aside. Closed and documented; `dead-letters list` groups by it."""

    UNREADABLE = "unreadable"
    """Not the bytes of any event we know: broken JSON, missing headers."""
    NOT_UTF8 = "not-utf8"
    """Text in another encoding than UTF-8."""
    INVALID = "invalid"
    """Well-formed, and yet no such event: a field is missing or of the wrong type."""
    TOO_LARGE = "too-large"
    """What the stage would have to say about it exceeds the size of a message."""
    NOTHING_TO_GO_BY = "nothing-to-go-by"
    """A vendor's delivery in which the mapping finds no name, mail, phone, company, street or birthday."""
    UNFETCHED = "unfetched"
    """A hook that points to the vendor's API, which does not give it, or not within hours."""
    POISON = "poison"
    """It ended the process twice while it was being decided alone."""
    REFUSED = "refused"
    """The store refuses it for good: a value the database cannot hold."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event on its way to one topic. The key decides the partition (Kafka's default hash of its bytes).

    `event.data` None is a tombstone: the message goes out without a value.
    """

    topic: Topic
    key: str
    event: Event


@dataclass(frozen=True, slots=True)
class Forward:
    """The message goes on, as these events; none when another message of its batch already says them all."""

    says: tuple[Outgoing, ...] = ()


@dataclass(frozen=True, slots=True)
class Drop:
    """The message ends here, for a reason that is counted."""

    reason: DropReason


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The message is set aside whole. `detail` says in words what is wrong, without any value of a person."""

    reason: LetterReason
    detail: str


Outcome = Forward | Drop | DeadLetter
