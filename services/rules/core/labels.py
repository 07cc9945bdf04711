"""Labels: what lists of contacts are filtered by, as texts such as `segment:key-accounts`."""

from typing import Literal

from shared.domain.contact import Contact

Kind = Literal["segment", "category", "finding"]


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
