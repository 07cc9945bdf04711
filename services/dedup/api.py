"""The paths of dedup: who is who and why, what is doubtful, and what people decide about it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response

from services.dedup import store
from services.dedup.core import matching, showing
from services.dedup.core.arriving import is_uuid
from services.dedup.core.asking import Comparison, MergeWish, SplitWish
from services.dedup.core.comparison import compare
from services.dedup.core.decide import Law
from services.dedup.core.folding import Stored, read
from services.dedup.core.judging import Merge, Split, Withdraw
from services.dedup.core.model import probability
from services.dedup.core.scene import Row
from services.dedup.reviews.deciding import Deciding
from services.dedup.stage import Identity
from shared.domain.normalise import Traits
from shared.domain.record import Record
from shared.runtime.access import Caller, Role, require
from shared.runtime.database import Connection
from shared.runtime.http import (
    Fault,
    Problem,
    json_response,
    page,
    read_json,
    unprocessable,
)  # fmt: skip
from shared.runtime.world import World

PAGE_MAX: Final = 200
"""Reviews of one page: each brings its records and evidence along."""

PAGE_USUAL: Final = 50
"""A page that a person works through in one go."""

PAIRS_MAX: Final = 200
"""Pairs shown at once: more say nothing to a person."""

ATTEMPTS: Final = 4
"""Tries of a decision that others' locks got in the way of; then 503, and the caller may come again."""

Language = Literal["de", "en"]
_READER: Final = [require(Role.READER)]
_Steward = Annotated[Caller, require(Role.STEWARD)]


def router(world: World, identity: Identity) -> APIRouter:
    """The paths."""
    paths = APIRouter(tags=["identities"])
    reading, deciding = _Reading(world, identity), Deciding(world, identity)
    _add_comparing(paths, reading)

    @paths.get("/v1/identities/{contact_id}", dependencies=_READER)
    async def identity_of(contact_id: str) -> Response:
        """The records of a contact with their values, the evidence between them, judgements, former ids."""
        return json_response(await reading.identity(contact_id))

    @paths.get("/v1/explanations/{contact_id}", dependencies=_READER)
    async def explanation_of(contact_id: str, language: Language = "en") -> Response:
        """Why these records are one person, and why their neighbours are not: weights that add up, in words."""
        return json_response(await reading.explanation(contact_id, language))

    @paths.post("/v1/merges")
    async def merge(request: Request, caller: _Steward, *, dry_run: bool = False) -> Response:
        """These contacts are one person: remembered, and can be taken back."""
        wish = await read_json(request, MergeWish)
        _check("/contact_ids", wish.contact_ids)
        return json_response(await deciding.decide(Merge(wish.contact_ids), caller, wish.reason, dry_run=dry_run))

    @paths.post("/v1/splits")
    async def split(request: Request, caller: _Steward, *, dry_run: bool = False) -> Response:
        """These records of a contact are somebody else: remembered, and can be taken back."""
        wish = await read_json(request, SplitWish)
        _check("/record_ids", wish.record_ids)
        _check("/contact_id", (wish.contact_id,))
        decision = Split(wish.contact_id, wish.record_ids)
        return json_response(await deciding.decide(decision, caller, wish.reason, dry_run=dry_run))

    @paths.delete("/v1/judgements/{judgement_id}")
    async def take_back(judgement_id: str, caller: _Steward, *, dry_run: bool = False) -> Response:
        """A judgement taken back: afterwards everything is as if it had never been given."""
        wish = Withdraw(await reading.judgement(judgement_id))
        return json_response(await deciding.decide(wish, caller, None, dry_run=dry_run))

    return paths


def _add_comparing(paths: APIRouter, reading: "_Reading") -> None:
    """What would be, of records that nobody keeps."""

    @paths.post("/v1/comparisons", dependencies=_READER)
    async def comparison_of(request: Request, language: Language = "en") -> Response:
        """Whether two records or contacts are, or would be, one person, and why. Nothing is stored."""
        return json_response(await reading.comparison(await read_json(request, Comparison), language))

    @paths.post("/v1/matches", dependencies=_READER)
    async def matches_of(request: Request, language: Language = "en") -> Response:
        """Whether a person exists: the contacts a record would be joined with or offered for. Nothing is stored."""
        written = await read_json(request, dict[str, Any])
        return json_response(page(await reading.matches(written, language), None))


class _Reading:
    """What can be asked. Every question is answered from one state of the tables."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._database = world.database
        self._laws = identity.laws
        self._shared_max = identity.key_records_max
        self._world = world

    @property
    def _law(self) -> Law:
        """The law of the epoch that holds."""
        return self._laws.present

    async def identity(self, contact_id: str) -> dict[str, Any]:
        """A contact with all that makes it one."""
        async with self._database.connection() as connection, _steady(connection):
            row, led_from = await self._row(connection, contact_id)
            members = await store.members(connection, [row.contact_id])
            evidence = await store.evidence_between(connection, members)
            judgements = await store.judgements_in_words(connection, members)
            former = await store.former(connection, [row.contact_id])
        answer = {
            "contact_id": row.contact_id,
            "version": row.version,
            "members": showing.members(members.values()),
            "evidence": [showing.pair(pair, found, self._law.model, "en") for pair, found in evidence.items()],
            "judgements": judgements,
            "former_ids": sorted(former),
        }
        return answer | led_from

    async def explanation(self, contact_id: str, language: Language) -> dict[str, Any]:
        """Why it is one, and why not more."""
        async with self._database.connection() as connection, _steady(connection):
            row, led_from = await self._row(connection, contact_id)
            members = await store.members(connection, [row.contact_id])
            edges = await store.edges(connection, members)
            others = {other: home for _, other, home in edges.values() if home != row.contact_id}
            near = await store.evidence_between(connection, [*members, *others])
            judgements = await store.judgements_in_words(connection, members)
        model = self._law.model
        inside = {pair: found for pair, found in near.items() if members.keys() >= {*pair}}
        outside = {pair: found for pair, found in near.items() if len(members.keys() & {*pair}) == 1}
        best = sorted(outside.items(), key=lambda item: -item[1].weight)[:PAIRS_MAX]
        answer = {
            "contact_id": row.contact_id,
            "version": row.version,
            "records": [showing.label(one) for one in members.values()],
            "pairs": [showing.pair(pair, found, model, language) for pair, found in inside.items()][:PAIRS_MAX],
            "neighbours": [
                {
                    "contact_id": next(others[one] for one in pair if one in others),
                    **showing.pair(pair, found, model, language),
                }
                for pair, found in best
            ],
            "judgements": judgements,
        }
        return answer | led_from

    async def comparison(self, asked: Comparison, language: Language) -> dict[str, Any]:
        """Two sides, every pair across, the strongest first."""
        given = [one for one in (asked.record_ids, asked.contact_ids, asked.records) if one is not None]
        if len(given) != 1:
            raise unprocessable([Fault("", "give exactly one of record_ids, contact_ids and records")])
        if asked.records is not None:
            sides = [[self._read(record, f"/records/{place}")[1]] for place, record in enumerate(asked.records)]
        elif asked.record_ids is not None:
            _check("/record_ids", asked.record_ids)
            sides = await self._records(asked.record_ids)
        else:
            assert asked.contact_ids is not None, "one of three is given"
            _check("/contact_ids", asked.contact_ids)
            sides = await self._contacts(asked.contact_ids)
        left, right = sides
        pairs = [((one.record_id, other.record_id), self._compare(one, other)) for one in left for other in right]
        pairs.sort(key=lambda item: (-item[1].weight, item[0]))
        shown = [showing.pair(pair, found, self._law.model, language) for pair, found in pairs[:PAIRS_MAX]]
        return {"outcome": shown[0]["outcome"], "pairs": shown}

    async def matches(self, written: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
        """The contacts that are, or may be, whom this record is about, the likeliest first."""
        record, traits = self._read(written, "")
        change = matching.arriving(record, traits)
        async with self._database.connection() as connection, _steady(connection):
            candidates = await store.candidates(connection, change.keys, self._shared_max)
            found = matching.evidence_for(change, candidates, self._shared_max, self._law)
            homes = {one.contact_id for one in candidates if one.record_id in found and one.contact_id is not None}
            members = await store.members(connection, homes) if homes else {}
            edges = await store.evidence_between(connection, members) if members else {}
            judgements = await store.judgements(connection, members) if members else []
        items: list[dict[str, Any]] = []
        for one in matching.matches(change, found, members, edges, judgements, self._law):
            shown = [showing.pair((record_id, ""), seen, self._law.model, language) for record_id, seen in one.pairs]
            evidence = [{**pair, "record_ids": pair["record_ids"][:1]} for pair in shown]
            chance = round(probability(one.weight), 6)
            items.append(
                {"contact_id": one.contact_id, "probability": chance, "outcome": one.outcome, "evidence": evidence}
            )
        return items

    async def judgement(self, judgement_id: str) -> Any:
        """One judgement in force. Raises Problem 404."""
        found = None
        if is_uuid(judgement_id):
            async with self._database.connection() as connection:
                found = await store.judgement(connection, judgement_id)
        if found is None:
            raise Problem(404, "Not found", "There is no such judgement, or it was taken back.")
        return found

    async def _row(self, connection: Connection, contact_id: str) -> tuple[Row, dict[str, str]]:
        """The living contact of this id, and where the caller was led from. Raises Problem 404."""
        rows = await store.contacts(connection, [contact_id]) if is_uuid(contact_id) else {}
        row = rows.get(contact_id)
        if row is None:
            raise Problem(404, "Not found", "There is no such contact.")
        if row.merged_into is None:
            return _living(row), {}
        led = await store.contacts(connection, [row.merged_into])
        return _living(led[row.merged_into]), {"redirected_from": contact_id}

    async def _records(self, record_ids: Sequence[str]) -> list[list[Traits]]:
        async with self._database.connection() as connection:
            found = await store.records(connection, record_ids)
        missing = [one for one in record_ids if one not in found or found[one].traits is None]
        if missing:
            raise Problem(404, "Not found", "There is no such record.")
        return [_traits([found[one]]) for one in record_ids]

    async def _contacts(self, contact_ids: Sequence[str]) -> list[list[Traits]]:
        async with self._database.connection() as connection, _steady(connection):
            rows = [(await self._row(connection, one))[0] for one in contact_ids]
            members = await store.members(connection, [row.contact_id for row in rows])
        return [_traits([one for one in members.values() if one.contact_id == row.contact_id]) for row in rows]

    def _read(self, written: Mapping[str, Any], pointer: str) -> tuple[Record, Traits]:
        record = showing.as_written(written, pointer)
        if not isinstance(record, Record):
            raise unprocessable([Fault(*one) for one in record])
        return record, read(record, self._world.configuration.sources.get(record.source))

    def _compare(self, one: Traits, other: Traits) -> Any:
        return compare(one, other, self._law.model, self._law.population)


def _traits(stored: Sequence[Stored]) -> list[Traits]:
    return [one.traits for one in stored if one.traits is not None]


def _living(row: Row) -> Row:
    """The row. Raises Problem 404 for a contact whose records are all gone."""
    if row.retired is not None:
        retired = {"reason": row.retired, "version": row.version}
        raise Problem(404, "Not found", "All records of this contact were taken back.", members={"retired": retired})
    return row


def _steady(connection: Connection) -> Any:
    """A transaction in which all statements see one state."""
    return connection.transaction(isolation="repeatable_read", readonly=True)


def _check(pointer: str, ids: Sequence[str]) -> None:
    """Raises Problem 422 for a text that can be no id of ours."""
    faults = [Fault(f"{pointer}/{place}", "this is no id") for place, one in enumerate(ids) if not is_uuid(one)]
    if faults:
        raise unprocessable(faults)
