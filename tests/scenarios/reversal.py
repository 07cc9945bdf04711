"""Dedup in memory: the decisions of the real core over plain dictionaries, so that thousands of lives can be compared.

    python -m tests.scenarios.reversal --sequences 10000

prints how many random sequences (arrive, update, delete, judge, take back, pin, unpin) ended in other contacts than a
fresh computation from what is left, as decided on entry and after everything was decided again; exits 1 if the latter
is not 0. What is locked and read here follows `services/dedup/stage.py`; the tests on Postgres show that side.
"""

import argparse
import random
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

import msgspec

from services.dedup.core import answering, judging, pinning
from services.dedup.core.answering import Batch
from services.dedup.core.arriving import Again, Work
from services.dedup.core.clustering import Judgement, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.composing import Composer
from services.dedup.core.decide import Law, regroup, score
from services.dedup.core.folding import Stored, Told, by_record, changed, packed_traits
from services.dedup.core.judging import Merge, Refused, Split, Verdict, Withdraw
from services.dedup.core.locking import Needs, contacts_of, near, needs_of
from services.dedup.core.pinning import Fix, Free, Pin, Pinning, Unpinned
from services.dedup.core.population import Population
from services.dedup.core.scene import Candidate, Pair, Plan, Row, Scene, Scores, led
from shared.domain.configuration import Source
from shared.domain.contact import Cause
from shared.domain.ids import derived_id
from shared.domain.record import Patch
from tests.integration.dedup.town import CONFIGURATION, EPOCH, record_id
from tests.unit.dedup.made import model

KEY_RECORDS_MAX: Final = 60
"""As shipped."""

OPERATIONS: Final = (6, 16)
"""Fewest and most of one life."""

NAMES: Final = tuple(f"r{number}" for number in range(8))
GIVEN: Final = ("Anna", "Anne", "Bernd", "B.")
FAMILY: Final = ("Wachtel", "Wachtl", "Amsel")
EMAIL: Final = ("anna.wachtel@example.de", "post@example.org", "bernd@example.de")
PHONE: Final = ("0171 1234567", "0171 1234568", "0711 555666")
BIRTHDAY: Final = ("1980-02-03", "1980-03-02", "1955-12-24")
CITY: Final = ("Ulm", "Bonn")
SOURCE: Final = Source(country="DE")

_AGAIN: Final = Cause(kind="refresh", id="again", by="reconcile")


@cache
def law() -> Law:
    """The law that ships."""
    return Law(model(), Population.default(), "careful")


class Memory:
    """One installation."""

    def __init__(self) -> None:
        self.records: dict[str, Stored] = {}
        self.rows: dict[str, Row] = {}
        self.evidence: dict[Pair, Evidence] = {}
        self.judgements: list[Judgement] = []
        self.pins: list[Pin] = []
        self._ids = 0
        self._composer = Composer(CONFIGURATION)

    def new_id(self) -> str:
        """Ids in the order in which they are made."""
        self._ids += 1
        return f"{self._ids:08}"

    def carry_out(self, work: Work) -> None:
        """Decide and write, as the identity transaction does. Raises Refused and Unpinned, changing nothing."""
        told = {record: list(some) for record, some in by_record(work.told).items()}
        before = {record: self.records[record] for record in told if record in self.records}
        batch = Batch(work, before, told, {})
        for record, some in told.items():
            batch.changes[record] = changed(some, before.get(record), SOURCE)
        candidates = self._candidates(batch)
        scores = score(batch.changes, candidates, KEY_RECORDS_MAX, law())
        anew = {one for one, change in batch.changes.items() if change.compared_anew and change.contact_id is not None}
        old = [pair for pair in self.evidence if not anew.isdisjoint(pair)]
        scene = self._scene(needs_of(batch, scores, old, candidates))
        scene = self._judge(batch, scene)
        self._pin(work.pinning, scene)
        times = (EPOCH + timedelta(seconds=self._ids), self.new_id)
        if batch.changes or scene.regroup or scene.resay:
            self._write(
                batch, regroup(scene, batch.changes, scores, answering.causes(batch), law(), times), scores, old
            )

    def _candidates(self, batch: Batch) -> list[Candidate]:
        keys = {key for change in batch.changes.values() if change.compared_anew for key in change.keys}
        found = [(one, sorted(keys.intersection(one.keys))) for one in self.records.values() if one.traits is not None]
        return [
            Candidate(one.record_id, one.contact_id, one.revision, one.traits, shared)
            for one, shared in found
            if shared and one.traits is not None
        ]

    def _scene(self, needs: Needs) -> Scene:
        homes = {record: stored.contact_id for record, stored in self.records.items()}
        wanted = contacts_of(needs.records, homes) | needs.contacts | led(needs.contacts, self.rows)
        while True:
            scene, more = self._seen(needs, wanted, homes)
            if more <= wanted:
                return scene
            wanted |= more

    def _seen(
        self, needs: Needs, wanted: Collection[str], homes: Mapping[str, str | None]
    ) -> tuple[Scene, frozenset[str]]:
        rows = {contact: self.rows[contact] for contact in wanted if contact in self.rows}
        living = frozenset(contact for contact, row in rows.items() if row.retired is None)
        members = {record: stored for record, stored in self.records.items() if stored.contact_id in living}
        grouped = contacts_of(needs.grouped, homes) | led(needs.named, rows)
        inside = {record for record, stored in members.items() if stored.contact_id in grouped}
        edges: dict[Pair, tuple[Evidence, str, str | None]] = {}
        for (a, b), found in self.evidence.items():
            if a in members or b in members:
                other = b if a in members else a
                edges[a, b] = (found, other, homes[other])
        judgements = [one for one in self.judgements if not members.keys().isdisjoint((*one.left, *one.right))]
        together = {
            record
            for one in judgements
            if not inside.isdisjoint((*one.left, *one.right))
            for record in (*one.left, *one.right)
        }
        around = near(grouped, members, edges) | contacts_of(together, homes)
        formers = {one.contact_id: one.merged_into for one in self.rows.values() if one.merged_into in living}
        resaid = led(needs.resaid, rows)
        more = grouped | around | resaid | contacts_of(needs.watched, homes)
        more |= {contact for contact, into in formers.items() if into in grouped | around}
        scene = Scene(
            rows=rows,
            members=members,
            edges={pair: found for pair, (found, _, _) in edges.items() if members.keys() >= {*pair}},
            judgements=judgements,
            regroup=(grouped | around) & living,
            resay=resaid & living,
            formers={contact: into for contact, into in formers.items() if into in rows},
        )
        return scene, frozenset(more)

    def _judge(self, batch: Batch, scene: Scene) -> Scene:
        verdict = batch.work.verdict
        if verdict is None:
            return scene
        groups: dict[str, set[str]] = {}
        for record, stored in scene.members.items():
            groups.setdefault(str(stored.contact_id), set()).add(record)
        frozen = {contact: frozenset(group) for contact, group in groups.items()}
        where = {contact: into for contact in verdict.contact_ids for into in led((contact,), scene.rows)}
        given = judging.judged(verdict, frozen, where, self.new_id)
        gone = verdict.wish.judgement if isinstance(verdict.wish, Withdraw) else None
        self.judgements = [one for one in (*self.judgements, *given) if one is not gone]
        batch.judgement_ids += [one.judgement_id for one in given] or ["withdrawn"]
        return replace(scene, judgements=[one for one in (*scene.judgements, *given) if one is not gone])

    def _pin(self, asked: Pinning | None, scene: Scene) -> None:
        if asked is None:
            return
        homes = led((asked.wish.contact_id,), scene.rows)
        if not homes:
            raise Unpinned("there is no such contact")
        (contact,) = homes
        there = [pin for pin in self.pins if self.records[pin.record_id].contact_id == contact]
        change = pinning.repinned(asked, scene.rows[contact].founder, there)
        self.pins = [pin for pin in self.pins if pin not in change.gone] + list(change.come)

    def _write(self, batch: Batch, plan: Plan, scores: Scores, old: Iterable[Pair]) -> None:
        for record, change in batch.changes.items():
            home, traits = plan.home[record], packed_traits(change.traits)
            self.records[record] = Stored(record, home, change.revision, change.keys, traits, change.packed_body)
        for record, home in plan.moved.items():
            self.records[record] = replace(self.records[record], contact_id=home)
        self.evidence = {pair: one for pair, one in self.evidence.items() if pair not in set(old)} | {**scores.evidence}
        self.rows |= plan.rows

    def decide_again(self) -> None:
        """Everything, as reconcile does."""
        living = frozenset(contact for contact, row in self.rows.items() if row.retired is None)
        if living:
            self.carry_out(Work(again=Again(living, _AGAIN)))

    def groups(self) -> dict[str, frozenset[str]]:
        """The records of every contact."""
        found: dict[str, set[str]] = {}
        for record, stored in self.records.items():
            if stored.contact_id is not None:
                found.setdefault(stored.contact_id, set()).add(record)
        return {contact: frozenset(records) for contact, records in found.items()}

    def faces(self) -> dict[frozenset[str], Any]:
        """By its records the golden record of every contact, but for ids, versions and times."""
        faces: dict[frozenset[str], Any] = {}
        for contact, group in self.groups().items():
            pins = [pin for pin in self.pins if pin.record_id in group]
            records = [self.records[record].record for record in sorted(group)]
            golden = self._composer.golden(self.rows[contact], records, (), pins)
            same = {"contact_id": "", "version": 0, "created_at": EPOCH, "updated_at": EPOCH, "cause": _AGAIN}
            faces[group] = msgspec.structs.replace(golden, **same)
        return faces

    def wrongs(self) -> list[str]:
        """What can never be, whatever was decided."""
        said: list[str] = []
        for contact, row in self.rows.items():
            into = self.rows.get(row.merged_into or "")
            if row.retired == "merged" and (into is None or into.retired == "merged"):
                said.append(f"{contact} leads nowhere")
            if (row.retired is None) != (contact in self.groups()):
                said.append(f"{contact} lives without records, or the other way round")
        said += [f"{one} has no contact" for one, it in self.records.items() if it.record.live and not it.contact_id]
        return said


def fresh(lived: Memory, told: Sequence[Told]) -> Memory:
    """A new installation that learns at once what is left: all that was said, the judgements and pins that hold."""
    new = Memory()
    if told:
        new.carry_out(Work(told=told, causes={one.patch.event_id: _AGAIN for one in told}))
    traits = {one.record_id: one.traits for one in new.records.values() if one.traits is not None}
    keys = {one.record_id: {*one.keys} for one in new.records.values()}
    new.evidence = {
        (a, b): found
        for a in sorted(traits)
        for b in sorted(traits)
        if a < b and keys[a] & keys[b]
        for found in [compare(traits[a], traits[b], law().model, law().population)]
        if found.weight >= law().model.bands.keep_millibits
    }
    new.judgements, new.pins = lived.judgements, lived.pins
    whole = partition(traits, new.evidence, new.judgements, law().policy, law().model).groups
    new.rows = {f"fresh {min(group)}": _row(min(group)) for group in whole}
    homes = {record: f"fresh {min(group)}" for group in whole for record in group}
    new.records = {one: replace(stored, contact_id=homes.get(one)) for one, stored in new.records.items()}
    return new


def _row(founder: str) -> Row:
    return Row(f"fresh {founder}", 1, founder, EPOCH, EPOCH, _AGAIN)


class Life:
    """One random sequence, and all that sources said in it."""

    def __init__(self, seed: int) -> None:
        self.memory = Memory()
        self.told: list[Told] = []
        self._dice = random.Random(seed)
        self._at = 0
        self._doings: tuple[tuple[Callable[[], None], int], ...] = (
            (self._says, 10), (self._takes_back, 3), (self._merges, 3), (self._splits, 3), (self._withdraws, 3),
            (self._pins, 2), (self._unpins, 1),
        )  # fmt: skip

    def live(self) -> None:
        """All of it."""
        doings, weights = zip(*self._doings, strict=True)
        for doing in self._dice.choices(doings, weights, k=self._dice.randint(*OPERATIONS)):
            self._at += 1
            try:
                doing()
            except (Refused, Unpinned):
                continue

    def _tell(self, name: str, fields: Mapping[str, str], *, deletes: bool = False) -> None:
        event_id = derived_id("reversal", name, str(self._at))
        late = self._dice.randint(0, 3) if self._dice.random() < 0.2 else 0
        at = EPOCH + timedelta(hours=self._at - late)
        patch = Patch(event_id=event_id, observed_at=at, fields=fields, deletes=deletes)
        told = Told(record_id(name), self._dice.choice(("crm", "webform")), name, EPOCH, patch)
        known = [one.source for one in self.told if one.record_id == told.record_id]
        told = replace(told, source=known[0]) if known else told
        self.told.append(told)
        self.memory.carry_out(Work(told=[told], causes={event_id: Cause(kind="record", id=event_id)}))

    def _says(self) -> None:
        some: dict[str, Sequence[str]] = {
            "given_name": GIVEN, "family_name": FAMILY, "email": EMAIL, "phone": PHONE, "birthday": BIRTHDAY,
            "city": CITY,
        }  # fmt: skip
        chosen = self._dice.sample(sorted(some), self._dice.randint(1, 5))
        self._tell(self._dice.choice(NAMES), {name: self._dice.choice(some[name]) for name in chosen})

    def _takes_back(self) -> None:
        if self.told:
            name = self._dice.choice(self.told).source_record_id
            self._tell(str(name), {}, deletes=True)

    def _decides(self, wish: judging.Wish) -> None:
        self.memory.carry_out(Work(verdict=Verdict(wish, "steward", EPOCH + timedelta(hours=self._at))))

    def _merges(self) -> None:
        contacts = sorted(self.memory.groups())
        if len(contacts) > 1:
            self._decides(Merge(tuple(self._dice.sample(contacts, 2))))

    def _splits(self) -> None:
        several = sorted((contact, sorted(group)) for contact, group in self.memory.groups().items() if len(group) > 1)
        if several:
            contact, group = self._dice.choice(several)
            self._decides(Split(contact, tuple(self._dice.sample(group, self._dice.randint(1, len(group) - 1)))))

    def _withdraws(self) -> None:
        if self.memory.judgements:
            self._decides(Withdraw(self._dice.choice(self.memory.judgements)))

    def _pins(self) -> None:
        contacts = sorted(self.memory.groups())
        if contacts:
            wish = Fix(self._dice.choice(contacts), "city", self._dice.choice(("Köln", "Trier")), None)
            self._pinned(wish)

    def _unpins(self) -> None:
        contacts = sorted(self.memory.groups())
        if contacts:
            self._pinned(Free(self._dice.choice(contacts), "city"))

    def _pinned(self, wish: Fix | Free) -> None:
        pin_id = derived_id("reversal pin", str(self._at))
        self.memory.carry_out(Work(pinning=Pinning(wish, pin_id, "steward", EPOCH + timedelta(hours=self._at))))


def compared(seed: int) -> tuple[bool, bool, list[str]]:
    """Whether one life ended as a fresh computation from what is left: on entry, after everything was decided again;
    and what can never be.
    """
    life = Life(seed)
    life.live()
    expected = fresh(life.memory, life.told).faces()
    entry = life.memory.faces() == expected
    wrong = life.memory.wrongs()
    life.memory.decide_again()
    return entry, life.memory.faces() == expected, wrong + life.memory.wrongs()


def main() -> int:
    """Live them all, print, and exit 1 where one ended otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    entry = after = wrong = 0
    for seed in range(options.seed, options.seed + options.sequences):
        same, same_again, never = compared(seed)
        entry, after, wrong = entry + (not same), after + (not same_again), wrong + bool(never)
        if never or not same_again:
            print(f"seed {seed}: {'; '.join(never) or 'other contacts'}")
    print(
        f"{options.sequences:,} sequences: {entry:,} differ on entry, {after:,} after reconcile, {wrong:,} impossible"
    )
    return 1 if after or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
