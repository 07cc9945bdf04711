"""Clustering: which records are one contact, decided over all records at hand at once, never pair by pair.

Agglomerative, and a pure function of its arguments whatever their order: the two groups with the strongest link join
first, ties go to the smaller record ids. link = .75 · greatest + .25 · mean probability of all cross pairs; a pair
without evidence counts 0 in the mean, whether it was never compared or found too weak to keep: it supports nothing, but
does not forbid. What forbids is a veto between any two records of the groups (birthday, given name, generation, kind,
ids) or a judgement; a veto that a person overruled does not hold against whoever fits one of the records they joined,
and one that strong evidence speaks against forbids merging alone, but not that a person is asked.
Measured .926 to .930 cluster F1 against .905 for joining the best cluster (facts, matching 7).
"""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import combinations, product
from typing import Final, Literal

import msgspec

from services.dedup.core.assignment import Assignment, assign_ids
from services.dedup.core.binding import Bindings, Judgement, bind, ordered
from services.dedup.core.comparison import DOUBTABLE, MISTYPED, Evidence, veto_between
from services.dedup.core.model import Model, probability
from services.dedup.core.voting import Votes
from shared.domain.normalise import Traits

__all__ = ["Assignment", "Judgement", "Offer", "Partition", "Policy", "assign_ids", "partition"]

Policy = Literal["careful", "eager", "never"]
Pair = tuple[str, str]

CLUSTER_MAX: Final = 200
"""Records of one contact that are merged without asking. Measured clusters have 38 at most; 200 of one person is a
shared mailbox or a placeholder that nobody knew."""

PPM: Final = 1_000_000
"""Probabilities are compared as whole millionths, so that no rounding depends on the order of a sum."""


class Offer(msgspec.Struct, frozen=True):
    """Groups of record ids that a person should look at together.

    `weight` (millibits) is the strongest evidence across them, `pairs` the evidence there is. borderline: likely, but
    not sure enough; contradiction: judgements disagree, and "different" holds meanwhile; oversized: more records than
    are merged without asking.
    """

    groups: tuple[tuple[str, ...], ...]
    weight: int
    pairs: tuple[Pair, ...]
    reason: Literal["borderline", "contradiction", "oversized"] = "borderline"


class Partition(msgspec.Struct, frozen=True):
    """Every record in exactly one group, groups by their smallest record id, and what should be reviewed."""

    groups: tuple[frozenset[str], ...]
    offers: tuple[Offer, ...] = ()


def partition(
    traits: Mapping[str, Traits],
    evidence: Mapping[Pair, Evidence],
    judgements: Sequence[Judgement],
    policy: Policy,
    model: Model,
) -> Partition:
    """Partition all records of `traits`. Evidence is keyed by the pair of record ids, either order, each pair once.

    careful joins what holds a pair in the merge band and offers the rest of each likely group; eager joins whole likely
    groups, but offers two ids of one source as well; never joins only what a judgement says. What careful joins is
    always part of what eager joins.
    """
    binding, contradictions = bind(traits, judgements)
    groups = _Groups(traits, evidence, binding, model)
    bound = groups.present()
    sure = bound
    if policy != "never":
        groups.join(model.bands.merge_millibits)
        sure = groups.present()
    if policy == "eager":
        groups.doubt(MISTYPED)
        groups.join(model.bands.offer_millibits)
        sure = groups.present()
    groups.doubt(DOUBTABLE)
    groups.join(model.bands.offer_millibits)
    likely = groups.present()
    stand = {*sure}
    doubtful = [whole for whole in likely if whole not in stand]
    if not (contradictions or groups.oversized or doubtful):
        return Partition(tuple(sure))
    offers = _Offers(sure, evidence)
    found = [offers.of(whole, "contradiction") for whole in contradictions]
    found += [offers.of(whole, "oversized") for whole in groups.oversized]
    found += [offers.of(whole, "borderline") for whole in doubtful]
    return Partition(tuple(sure), tuple(_distinct(offer for offer in found if len(offer.groups) > 1)))


class _Link(msgspec.Struct):
    greatest: int
    total: int
    weight: int


class _Groups:
    """Groups under way: joined pairwise by their strongest link until none is strong enough."""

    def __init__(
        self, traits: Mapping[str, Traits], evidence: Mapping[Pair, Evidence], binding: Bindings, model: Model
    ) -> None:
        self._traits = traits
        self._evidence = evidence
        self._different = binding.different
        self._threshold = _ppm(model.bands.offer_millibits)
        self._vetoes, self._bands = model.vetoes, model.bands
        self._votes = Votes(traits, model.vetoes)
        self._doubted: frozenset[str] = frozenset()
        self._members = {min(group): group for group in binding.same}
        self._overruled = self._vetoes_within(group for group in binding.same if len(group) > 1)
        self._links: dict[str, dict[str, _Link]] = {name: {} for name in self._members}
        self._blocked: set[Pair] = set()
        self.oversized: list[frozenset[str]] = []
        home = {record: name for name, group in self._members.items() for record in group}
        for (one, other), found in evidence.items():
            if one in home and other in home and home[one] != home[other]:
                self._add(home[one], home[other], found, model)

    def present(self) -> list[frozenset[str]]:
        return ordered(self._members.values())

    def doubt(self, vetoes: frozenset[str]) -> None:
        """From here on, such of these vetoes forbid no more as strong evidence speaks against, or records outvote."""
        self._doubted = vetoes
        self._blocked.clear()

    def join(self, weight_min: int) -> None:
        """Join groups whose link exceeds the offer band, where one pair across weighs at least `weight_min`."""
        queue = [
            self._entry(one, other, link)
            for one, others in self._links.items()
            for other, link in others.items()
            if one < other and link.weight >= weight_min
        ]
        heapify(queue)
        while queue:
            strength, one, other, size = heappop(queue)
            if not self._stands(one, other, size) or -strength <= self._threshold or not self._may_join(one, other):
                continue
            kept = self._unite(one, other)
            for neighbour, link in self._links[kept].items():
                if link.weight >= weight_min:
                    heappush(queue, self._entry(min(kept, neighbour), max(kept, neighbour), link))

    def _add(self, one: str, other: str, found: Evidence, model: Model) -> None:
        if found.weight < model.bands.keep_millibits or (found.veto is not None and not found.is_doubted(model.bands)):
            return
        chance = _ppm(found.weight)
        link = self._links[one].get(other)
        if link is None:
            self._links[one][other] = self._links[other][one] = _Link(chance, chance, found.weight)
            return
        link.greatest, link.total = max(link.greatest, chance), link.total + chance
        link.weight = max(link.weight, found.weight)

    def _entry(self, one: str, other: str, link: _Link) -> tuple[int, str, str, int]:
        pairs = len(self._members[one]) * len(self._members[other])
        strength = (3 * link.greatest * pairs + link.total) // (4 * pairs)
        return -strength, one, other, len(self._members[one]) + len(self._members[other])

    def _stands(self, one: str, other: str, size: int) -> bool:
        """False for an entry whose groups have joined others since it was queued."""
        here, there = self._members.get(one), self._members.get(other)
        return here is not None and there is not None and len(here) + len(there) == size

    def _may_join(self, one: str, other: str) -> bool:
        if (one, other) in self._blocked:
            return False
        here, there = self._members[one], self._members[other]
        for left, right in product(here, there):
            if self._forbidden(left, right, here | there) and not self._outvoted(left, right, here, there):
                if not self._overruled and not self._doubted:
                    self._blocked.add((one, other))  # for good; what people or votes overrule may fit a grown group
                return False
        if len(here) + len(there) > CLUSTER_MAX:
            # Of one crowd one question, the strongest: hundreds about the same mailbox would hide all others.
            if all(asked.isdisjoint(here) and asked.isdisjoint(there) for asked in self.oversized):
                self.oversized.append(here | there)
            return False
        return True

    def _forbidden(self, left: str, right: str, whole: frozenset[str]) -> bool:
        if self._different and frozenset((left, right)) in self._different:
            return True
        veto = self._veto(left, right)
        if veto is None:
            return False
        return not any(
            (self._fits(left, one) and self._fits(right, other)) or (self._fits(left, other) and self._fits(right, one))
            for one, other in self._overruled.get(veto, ())
            if one in whole and other in whole
        )

    def _outvoted(self, left: str, right: str, here: frozenset[str], there: frozenset[str]) -> bool:
        if not self._doubted or frozenset((left, right)) in self._different:
            return False
        return self._votes.outvote(self._veto(left, right) or "", here, there)

    def _fits(self, record: str, bound: str) -> bool:
        return record == bound or self._veto(record, bound) is None

    def _vetoes_within(self, bound: Iterable[frozenset[str]]) -> dict[str, list[Pair]]:
        """The vetoes that people overruled, each with the pairs of records that they joined in spite of it."""
        found: dict[str, list[Pair]] = {}
        for group in bound:
            for one, other in combinations(sorted(group), 2):
                veto = self._veto(one, other)
                if veto is not None:
                    found.setdefault(veto, []).append((one, other))
        return found

    def _veto(self, left: str, right: str) -> str | None:
        found = self._evidence.get((left, right)) or self._evidence.get((right, left))
        if found is None:
            return veto_between(self._traits[left], self._traits[right], self._vetoes)
        return None if found.veto in self._doubted and found.is_doubted(self._bands) else found.veto

    def _unite(self, one: str, other: str) -> str:
        kept, gone = sorted((one, other))
        self._members[kept] = self._members[kept] | self._members.pop(gone)
        for neighbour, link in self._links.pop(gone).items():
            del self._links[neighbour][gone]
            if neighbour == kept:
                continue
            mine = self._links[kept].get(neighbour)
            if mine is not None:
                mine.greatest, mine.weight = max(mine.greatest, link.greatest), max(mine.weight, link.weight)
                mine.total += link.total
            else:
                self._links[kept][neighbour] = self._links[neighbour][kept] = link
            if tuple(sorted((gone, neighbour))) in self._blocked:
                self._blocked.add((kept, neighbour) if kept < neighbour else (neighbour, kept))
        return kept


def _ppm(weight: int) -> int:
    return round(probability(weight) * PPM)


class _Offers:
    """Groups as they stand, and the evidence across them, sorted once for all that is offered."""

    def __init__(self, sure: Iterable[frozenset[str]], evidence: Mapping[Pair, Evidence]) -> None:
        self._groups = sorted(tuple(sorted(group)) for group in sure)
        self._home = {record: place for place, group in enumerate(self._groups) for record in group}
        self._across: dict[int, list[tuple[int, Pair, int]]] = {}
        for (one, other), found in evidence.items():
            here, there = self._home.get(one), self._home.get(other)
            if here is not None and there is not None and here != there:
                pair = (one, other) if one < other else (other, one)
                self._across.setdefault(here, []).append((there, pair, found.weight))

    def of(self, whole: frozenset[str], reason: Literal["borderline", "contradiction", "oversized"]) -> Offer:
        """What a person is asked about these records: the groups they stand in, and what connects them."""
        places = {self._home[record] for record in whole}
        across = {
            pair: weight for place in places for there, pair, weight in self._across.get(place, ()) if there in places
        }
        groups = tuple(self._groups[place] for place in sorted(places))
        return Offer(groups, max(across.values(), default=0), tuple(sorted(across)), reason)


def _distinct(offers: Iterable[Offer]) -> list[Offer]:
    """One offer for the same groups, the gravest reason first."""
    seen: dict[tuple[tuple[str, ...], ...], Offer] = {}
    for offer in offers:
        seen.setdefault(offer.groups, offer)
    return sorted(seen.values(), key=lambda offer: offer.groups)
