"""History: how the versions of one person follow each other, through merges into other contacts and back.

A former id is followed: while it is merged away, its history is that of the contact it went into, from the version that
took it in until the split that revived it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.backup.core.decide import Version

HOPS_MAX: Final = 100
"""Merges one id may have gone through; a longer way would be a circle, which cannot be."""


class Stretch(NamedTuple):
    """A part of a contact's history: from a version on, until a time (None: open)."""

    contact_id: str
    from_version: int = 0
    until: datetime | None = None


def within(stretch: Stretch, versions: Sequence[Version]) -> list[Version]:
    """The versions of a stretch, of all those of its contact, in order."""
    return [
        one
        for one in sorted(versions, key=lambda one: one.version)
        if one.version >= stretch.from_version and (stretch.until is None or one.at < stretch.until)
    ]


def onward(stretch: Stretch, versions: Sequence[Version]) -> list[Stretch]:
    """Where the history goes on while the contact is merged away: one stretch for each merge."""
    own = within(stretch, versions)
    following = [*own[1:], None]
    return [
        Stretch(one.merged_into, one.merged_into_version or 0, stretch.until if after is None else after.at)
        for one, after in zip(own, following, strict=True)
        if one.merged_into is not None
    ]


def whole(first: Stretch, known: Mapping[str, Sequence[Version]]) -> tuple[list[Version], list[str]]:
    """The history along all stretches, by time, and the ids whose versions are still to be read."""
    found: list[Version] = []
    missing: list[str] = []
    open_ = [first]
    for _ in range(HOPS_MAX):
        if not open_:
            break
        stretch = open_.pop()
        if stretch.contact_id not in known:
            missing.append(stretch.contact_id)
            continue
        versions = known[stretch.contact_id]
        found += within(stretch, versions)
        open_ += onward(stretch, versions)
    unique = {(one.contact_id, one.version): one for one in found}
    return sorted(unique.values(), key=lambda one: (one.at, one.retired is None, one.contact_id, one.version)), missing


def at(time: datetime, contact_id: str, known: Mapping[str, Sequence[Version]]) -> Version | None:
    """The version that held at a time, following merges; None before the first. All ids of the way must be known."""
    present = contact_id
    last: Version | None = None
    for _ in range(HOPS_MAX):
        held = [one for one in known.get(present, ()) if one.at <= time]
        if not held:
            return last
        last = max(held, key=lambda one: one.version)
        if last.merged_into is None:
            return last
        present = last.merged_into
    return last
