"""Assignment: which contact id each group of records bears, so that an id never comes to mean another person."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec


class Assignment(msgspec.Struct, frozen=True):
    """Contact ids of the groups.

    `retired` says for each present id that no group kept into which it merged, or None where all its records are gone;
    `revived` are former ids in use again, `new` ids used for the first time.
    """

    contact_ids: dict[frozenset[str], str]
    retired: dict[str, str | None]
    revived: tuple[str, ...] = ()
    new: tuple[str, ...] = ()


def assign_ids(
    groups: Sequence[frozenset[str]],
    present: Mapping[str, str | None],
    former: Mapping[str, str],
    new_id: Callable[[], str],
) -> Assignment:
    """Give each group its contact id.

    `present` maps every record at hand to the living contact it is in, None for a new one; records of a touched contact
    that are in no group count as gone. `former` maps retired ids that redirect into the touched contacts to their
    founding record. An id goes to the group that holds most of its records; between equals the older contact (the
    smaller id: ids are UUID 7) and the smaller record id win. A group left without one revives the former id whose
    founding record it holds, the oldest first; else it gets a new id, in the order of its smallest record id.
    """
    taken = _by_overlap(groups, present)
    kept = set(taken.values())
    revived: list[str] = []
    new: list[str] = []
    for group in sorted(groups, key=min):
        if group in taken:
            continue
        back = min((one for one, founder in former.items() if founder in group and one not in kept), default=None)
        taken[group] = back if back is not None else new_id()
        (revived if back is not None else new).append(taken[group])
        kept.add(taken[group])
    contacts = {contact for contact in present.values() if contact is not None}
    retired = {contact: _heir(contact, taken, present) for contact in sorted(contacts - kept)}
    return Assignment(taken, retired, tuple(revived), tuple(new))


def _by_overlap(groups: Sequence[frozenset[str]], present: Mapping[str, str | None]) -> dict[frozenset[str], str]:
    claims: list[tuple[int, str, str, frozenset[str]]] = []
    for group in groups:
        held = Counter(contact for record in group if (contact := present.get(record)) is not None)
        claims += [(-count, contact, min(group), group) for contact, count in held.items()]
    taken: dict[frozenset[str], str] = {}
    given: set[str] = set()
    for _, contact, _, group in sorted(claims, key=lambda claim: claim[:3]):
        if group not in taken and contact not in given:
            taken[group] = contact
            given.add(contact)
    return taken


def _heir(contact: str, taken: Mapping[frozenset[str], str], present: Mapping[str, str | None]) -> str | None:
    """The contact that holds most records of a retired one, the older between equals; None where none are left."""
    held = {heir: sum(1 for record in group if present.get(record) == contact) for group, heir in taken.items()}
    heirs = sorted((-count, heir) for heir, count in held.items() if count)
    return heirs[0][1] if heirs else None
