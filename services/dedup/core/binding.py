"""Binding: what people's judgements say about the records at hand, pair by pair, the newest word first."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from shared.domain.normalise import Traits


class Judgement(msgspec.Struct, frozen=True):
    """A person's word that the records left and right are (or are not) the same.

    It stands for every pair across, as far as the records still exist; of two about one pair the newer holds,
    of two at one moment "different".
    """

    judgement_id: str
    same: bool
    left: tuple[str, ...]
    right: tuple[str, ...]
    at: datetime


class Bindings(msgspec.Struct):
    """Groups of records that must be one contact, each record in exactly one, and pairs that must not."""

    same: list[frozenset[str]]
    different: set[frozenset[str]]


def bind(traits: Mapping[str, Traits], judgements: Sequence[Judgement]) -> tuple[Bindings, list[frozenset[str]]]:
    """What judgements say about the records at hand, pair by pair, and the sets on which they contradict each other."""
    newest: dict[frozenset[str], Judgement] = {}
    for judgement in sorted(judgements, key=lambda one: (one.at, not one.same, one.judgement_id)):
        for left in judgement.left:
            for right in judgement.right:
                if left != right and left in traits and right in traits:
                    newest[frozenset((left, right))] = judgement
    different = {pair for pair, judgement in newest.items() if not judgement.same}
    home = {record: frozenset((record,)) for record in traits}
    contradictions: list[frozenset[str]] = []
    same = [(one.at, one.judgement_id, sorted(pair)) for pair, one in newest.items() if one.same]
    for _, _, (left, right) in sorted(same):
        if home[left] is home[right]:
            continue
        whole = home[left] | home[right]
        if any(frozenset((one, other)) in different for one in home[left] for other in home[right]):
            contradictions.append(whole)
            continue
        home.update(dict.fromkeys(whole, whole))
    return Bindings(ordered(set(home.values())), different), contradictions


def ordered(groups: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Groups by their smallest record id."""
    return sorted(groups, key=min)
