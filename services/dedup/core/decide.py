"""Deciding: which contacts a batch makes of the records it touches, under which ids and versions. Pure.

`score` finds the evidence of the records that changed; `regroup` decides the contacts of everything that was locked.
What the first record of a batch decided, its second knows: the batch is one set of changes, decided at once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.dedup.core.clustering import Assignment, Policy, assign_ids, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.folding import Change
from services.dedup.core.model import Model
from services.dedup.core.population import Population
from services.dedup.core.restoring import as_they_were
from services.dedup.core.scene import NOTHING, Candidate, Pair, Plan, Row, Scene, Scores, held_by
from shared.domain.contact import Cause
from shared.domain.normalise import Traits


@dataclass(frozen=True, slots=True)
class Law:
    """What decisions rest on besides the records: the model, the population, and what may be merged alone."""

    model: Model
    population: Population
    policy: Policy


def score(
    changes: Mapping[str, Change],
    candidates: Iterable[Candidate],
    shared_max: int,
    law: Law,
    known: frozenset[int] = frozenset(),
) -> Scores:
    """The evidence between each record that is compared anew and every other that shares a key with it.

    A key that more than `shared_max` records share is generic and gives no candidates; `known` are so since before.
    """
    anew = {record_id: change for record_id, change in changes.items() if change.compared_anew}
    by_key: dict[int, list[Traits]] = {}
    for change in anew.values():
        if change.traits is not None:
            for key in change.keys:
                by_key.setdefault(key, []).append(change.traits)
    for candidate in candidates:
        if candidate.record_id not in anew:
            for key in candidate.shared:
                by_key.setdefault(key, []).append(candidate.traits)
    generic = frozenset(key for key, found in by_key.items() if len(found) > shared_max) | known
    evidence: dict[Pair, Evidence] = {}
    seen: set[Pair] = set()
    for one, other in _pairs(by_key, generic, anew):
        pair = (one.record_id, other.record_id)
        if pair not in seen:
            seen.add(pair)
            found = compare(one, other, law.model, law.population)
            if found.weight >= law.model.bands.keep_millibits:
                evidence[pair] = found
    return Scores(evidence, generic - known)


def _pairs(
    by_key: Mapping[int, list[Traits]], generic: frozenset[int], anew: Mapping[str, Change]
) -> Iterable[tuple[Traits, Traits]]:
    for key, found in by_key.items():
        if key in generic:
            continue
        fresh = [one for one in found if one.record_id in anew]
        for one in fresh:
            for other in found:
                if one.record_id < other.record_id:
                    yield one, other
                elif other.record_id < one.record_id and other.record_id not in anew:
                    yield other, one


def regroup(
    scene: Scene,
    changes: Mapping[str, Change],
    scores: Scores,
    causes: Mapping[str, Cause],
    law: Law,
    times: tuple[datetime, Callable[[], str]],
) -> Plan:
    """The contacts after a batch. `causes` by record id and by contact id; `times` are now and the maker of new ids.

    Only what is in `scene.regroup` is grouped anew; other contacts get a version where a record of theirs moved.
    """
    now, new_id = times
    before = _before(scene, changes)
    gone = {record_id for record_id, change in changes.items() if change.traits is None}
    traits = _traits(scene, changes, before)
    anew = {record_id for record_id, change in changes.items() if change.compared_anew}
    edges = {pair: found for pair, found in scene.edges.items() if anew.isdisjoint(pair)}
    parted = partition(traits, {**edges, **scores.evidence}, scene.judgements, law.policy, law.model)
    present = {
        record_id: contact
        for record_id, contact in before.items()
        if record_id in traits or (record_id in gone and contact in scene.regroup)
    }
    if scene.restored is not None:
        parted = as_they_were(parted, traits, before)
    assigned = _assigned(parted.groups, present, scene, new_id)
    groups = {contact: group for group, contact in assigned.contact_ids.items()}
    home = _home(before, gone, groups)
    past = _Past(scene, changes, before, held_by(before), groups, assigned, _Causes(causes, now))
    rows = past.rows()
    after = held_by(home)
    return Plan(
        rows=rows,
        home=home,
        groups={contact: after.get(contact, NOTHING) for contact in rows},
        was=before,
        revived=frozenset(assigned.revived),
        splits=_splits(before, home, {contact for contact in rows if contact in scene.rows}),
        offers=parted.offers,
    )


def _before(scene: Scene, changes: Mapping[str, Change]) -> dict[str, str | None]:
    """The contact of every record at hand, as read behind the contacts' locks.

    What a change was read with is older: since then its record may have moved on with others. It counts only for
    records of no locked contact, which have none.
    """
    before: dict[str, str | None] = dict.fromkeys(changes, scene.restored)
    return before | {record_id: stored.contact_id for record_id, stored in scene.members.items()}


def _traits(scene: Scene, changes: Mapping[str, Change], before: Mapping[str, str | None]) -> dict[str, Traits]:
    """What is grouped anew: all live records of the contacts in question, and the new ones."""
    traits: dict[str, Traits] = {}
    for record_id, stored in scene.members.items():
        if stored.contact_id in scene.regroup and record_id not in changes and stored.traits is not None:
            traits[record_id] = stored.traits
    for record_id, change in changes.items():
        contact = before[record_id]
        if change.traits is not None and (contact is None or contact in scene.regroup):
            traits[record_id] = change.traits
    return traits


def _assigned(
    groups: Sequence[frozenset[str]],
    present: Mapping[str, str | None],
    scene: Scene,
    new_id: Callable[[], str],
) -> Assignment:
    former = {
        row.contact_id: row.founder
        for row in scene.rows.values()
        if row.retired == "merged" and row.merged_into in scene.regroup
    }
    return assign_ids(groups, _entitled(groups, present, scene, former), former, new_id)


def _entitled(
    groups: Sequence[frozenset[str]],
    present: Mapping[str, str | None],
    scene: Scene,
    former: Mapping[str, str],
) -> Mapping[str, str | None]:
    """What each record may claim: a contact that falls apart leaves its id to the part with its founding record, where
    the other part has a former id of its own to go back to. However large that part grew meanwhile, the id would
    come to mean another person.
    """
    if not former:
        return present
    group_of = {record_id: group for group in groups for record_id in group}
    claims = dict(present)
    for former_id, founder in former.items():
        into = scene.rows[former_id].merged_into
        home, part = group_of.get(scene.rows[into].founder if into is not None else ""), group_of.get(founder)
        if home is not None and part is not None and home is not part:
            claims |= {record_id: None for record_id in part if present.get(record_id) == into}
    return claims


def _home(
    before: Mapping[str, str | None], gone: set[str], groups: Mapping[str, frozenset[str]]
) -> dict[str, str | None]:
    home = {record_id: None if record_id in gone else contact for record_id, contact in before.items()}
    for contact, group in groups.items():
        home.update(dict.fromkeys(group, contact))
    return home


class _Causes:
    """What made a contact's version: the last event of the batch that concerns it or its records, else the last."""

    def __init__(self, given: Mapping[str, Cause], now: datetime) -> None:
        self.now = now
        self._placed = {name: (place, cause) for place, (name, cause) in enumerate(given.items())}

    def of(self, *names: Iterable[str]) -> Cause:
        placed = self._placed
        found = [placed[name] for some in names for name in some if name in placed] or [*placed.values()]
        return max(found, key=lambda one: one[0])[1]


@dataclass(frozen=True, slots=True)
class _Past:
    """What was, beside the groups there are now: from both follow the rows to write."""

    scene: Scene
    changes: Mapping[str, Change]
    before: Mapping[str, str | None]
    had: Mapping[str, frozenset[str]]
    groups: Mapping[str, frozenset[str]]
    assigned: Assignment
    causes: _Causes

    def rows(self) -> dict[str, Row]:
        """The rows that are written: the living first, then those that retire, then redirects that turn."""
        touched = sorted(self._touched() - self.assigned.retired.keys())
        rows = {contact: self._living(contact) for contact in touched}
        for contact, heir in self.assigned.retired.items():
            cause = self.causes.of((contact,), self.had[contact])
            rows[contact] = replace(
                _next(self.scene.rows[contact], cause, self.causes.now),
                retired="deleted" if heir is None else "merged",
                merged_into=heir,
                merged_into_version=None if heir is None else rows[heir].version,
            )
        return rows | self._redirects(rows)

    def _touched(self) -> set[str]:
        """The contacts that get a new version: asked for, of other records than before, or with one that moved."""
        moved = {record_id for record_id, change in self.changes.items() if change.moved and change.traits}
        touched = set(self.scene.resay)
        for contact, group in self.groups.items():
            if self.had.get(contact) != group or not moved.isdisjoint(group):
                touched.add(contact)
        homes = {self.before[record_id] for record_id in moved}
        return touched | {home for home in homes if home is not None and home not in self.scene.regroup}

    def _living(self, contact: str) -> Row:
        was = self.scene.rows.get(contact)
        held = self.had.get(contact, NOTHING)
        group = self.groups.get(contact, held)
        cause = self.causes.of((contact,), group, held)
        founder = self._founder(was, group)
        revived = contact in self.assigned.revived
        assert was is None or was.retired is None or revived, "a contact that is gone gets no new version"
        if was is None:
            return Row(contact, 1, founder, self.causes.now, self.causes.now, cause)
        return replace(
            _next(was, cause, self.causes.now),
            founder=founder,
            retired=None,
            merged_into=None,
            merged_into_version=None,
        )

    def _founder(self, was: Row | None, group: frozenset[str]) -> str:
        """The founding record: the old one while it is a member, else the one that came first."""
        if was is not None and was.founder in group:
            return was.founder
        if len(group) == 1:
            return next(iter(group))
        return min(group, key=lambda record_id: (self._came(record_id), record_id))

    def _came(self, record_id: str) -> datetime:
        change = self.changes.get(record_id)
        return (change.record if change is not None else self.scene.members[record_id].record).first_received_at

    def _redirects(self, rows: Mapping[str, Row]) -> dict[str, Row]:
        """Former ids whose way ends elsewhere now: where their founding record is, else where their contact went."""
        holds = {record_id: contact for contact, group in self.groups.items() for record_id in group}
        turned: dict[str, Row] = {}
        for row in self.scene.rows.values():
            if row.retired != "merged" or row.merged_into is None or row.contact_id in rows:
                continue
            into = holds.get(row.founder) or self.assigned.retired.get(row.merged_into) or row.merged_into
            if into != row.merged_into:
                version = rows[into].version if into in rows else self.scene.rows[into].version
                cause = self.causes.of((row.founder, into))
                turned[row.contact_id] = replace(
                    _next(row, cause, self.causes.now), merged_into=into, merged_into_version=version
                )
        return turned


def _next(was: Row, cause: Cause, now: datetime) -> Row:
    return replace(was, version=was.version + 1, updated_at=max(now, was.updated_at), cause=cause)


def _splits(
    before: Mapping[str, str | None], home: Mapping[str, str | None], changed: set[str]
) -> dict[str, dict[str, str]]:
    """Contacts whose living records are in several now: record → contact, for all records they had."""
    parts: dict[str, dict[str, str]] = {}
    for record_id, contact in before.items():
        where = home[record_id]
        if contact is not None and contact in changed and where is not None:
            parts.setdefault(contact, {})[record_id] = where
    return {contact: went for contact, went in sorted(parts.items()) if len(set(went.values())) > 1}
