"""Labels: what lists of contacts are filtered by, as texts such as `segment:key-accounts`."""

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from shared.domain.contact import Contact

Kind = Literal["segment", "category", "finding"]

T = TypeVar("T")


@dataclass(slots=True)
class Differences(Generic[T]):
    """Labels or keys to put and to take away, by contact: one row of the statement a contact, since each element of an
    array costs the driver a microsecond.
    """

    put: dict[str, frozenset[T]] = field(default_factory=dict[str, frozenset[T]])
    taken: dict[str, frozenset[T]] = field(default_factory=dict[str, frozenset[T]])

    def differ(self, contact_id: str, old: frozenset[T], new: frozenset[T]) -> None:
        """Note what a contact had and what it has now."""
        if new - old:
            self.put[contact_id] = new - old
        if old - new:
            self.taken[contact_id] = old - new


def labels_of(contact: Contact) -> frozenset[str]:
    """Everything a contact can be listed by."""
    return frozenset(
        (
            *(label("segment", name) for name in contact.segments),
            *(label("category", name) for name in contact.categories),
            *(label("finding", finding.code) for finding in contact.quality.findings),
        )
    )


def labelled_alike(one: Contact, other: Contact) -> bool:
    """True when two states of a contact certainly bear the same labels, which is cheaper to say than the labels."""
    return (one.segments, one.categories, one.quality.findings) == (
        other.segments,
        other.categories,
        other.quality.findings,
    )


def label(kind: Kind, name: str) -> str:
    """The text of one label."""
    return f"{kind}:{name}"
