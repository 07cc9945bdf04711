"""Goal: a person who was erased is nowhere in Postgres, and nothing old brings the person back.

Method: the whole chain; after an erasure every row of every table is searched for the person's values, packed ones too,
and then the whole log is delivered again.
"""

from typing import Any

import msgspec
import pytest
import zstandard

from shared.runtime.access import Role
from shared.topology import CLEAN, EVENTS, RESOLVED, Type
from tests.tutorial.chain import Chain, whole_chain

ANNA: dict[str, Any] = {"given_name": "Annabell", "family_name": "Quastenberg", "email": "quastenberg@example.de"}
BERT: dict[str, Any] = {"given_name": "Bert", "family_name": "Sowieso", "email": "bert@example.de"}
VALUES = (b"uastenberg", b"nnabell", b"R\xc3\xbcckruf wegen Annabell")
PACKED = b"\x28\xb5\x2f\xfd"


async def lived(chain: Chain) -> dict[str, Any]:
    """Two records of one person, one of another, and what happened with them; the person's contact."""
    event = await chain.send(source_record_id="1", **ANNA, phone="0171 2345678")
    await chain.send(source="crm", source_record_id="2", **ANNA)
    await chain.send(source_record_id="3", **BERT)
    await chain.settle()
    happened = [
        {"source": "crm", "interaction_id": "a", "type": "call", "at": "2026-11-03T10:00:00Z",
         "contact": {"email": ANNA["email"]}, "subject": "Rückruf wegen Annabell"},
        {"source": "newsletter", "interaction_id": "b", "type": "newsletter.confirmed", "at": "2026-11-04T10:00:00Z",
         "contact": {"email": ANNA["email"]}},
    ]  # fmt: skip
    assert (await chain.post("/v1/interactions", happened)).status == 202
    await chain.settle()
    contact: dict[str, Any] = await chain.contact_of(event)
    assert contact["records_total"] == 2
    return contact


async def erase(chain: Chain, **whom: str) -> dict[str, Any]:
    asked = await chain.post("/v1/erasures", whom, Role.PRIVACY)
    assert asked.status == 202, asked
    for _ in range(4):  # what a chore says is taken in the next time
        await chain.settle()
    receipt: dict[str, Any] = await chain.get(f"/v1/erasures/{asked.body['erasure_id']}", Role.PRIVACY)
    return receipt


async def rows_naming(chain: Chain) -> list[str]:
    """The tables with a row that holds a value of the person."""
    database = chain.world.database
    tables = await database.fetch(
        "SELECT table_schema AS s, table_name AS t FROM information_schema.tables"
        " WHERE table_schema IN ('runtime', 'ingest', 'dedup', 'validate', 'enrich', 'rules', 'backup')"
    )
    found: list[str] = []
    for table in tables:
        rows = await database.fetch(f'SELECT * FROM "{table["s"]}"."{table["t"]}"')
        if any(value in plain(row) for row in rows for value in VALUES):
            found.append(f"{table['s']}.{table['t']}")
    return found


def plain(row: Any) -> bytes:
    """All of a row as bytes, unpacked."""
    parts: list[bytes] = []
    for value in row.values():
        if isinstance(value, bytes):
            packed = value.startswith(PACKED)
            parts.append(zstandard.decompress(value, max_output_size=2**24) if packed else value)
        else:
            parts.append(msgspec.json.encode(str(value)))
    return b"\n".join(parts)


async def test_whoever_is_erased_is_nowhere_and_the_receipt_says_who_did_it(database: str) -> None:
    async with whole_chain(database) as chain:
        contact = await lived(chain)
        contact_id = contact["contact_id"]
        assert {"dedup.record", "rules.contact", "backup.archive", "backup.version"} <= {*await rows_naming(chain)}
        receipt = await erase(chain, contact_id=contact_id)
        assert (receipt["state"], receipt["contact_id"]) == ("erased", contact_id)
        assert receipt["services"].keys() == {"dedup", "validate", "rules", "ingest", "backup"}
        assert await rows_naming(chain) == []
        answer = await chain.call("GET", f"/v1/contacts/{contact_id}")
        assert (answer.status, answer.body["retired"]) == (410, "erased")
        assert [one["contact_id"] for one in (await chain.get("/v1/contacts"))["items"]] != []
        books = (await chain.get("/v1/status"))["books"]
        assert (books["erased"], books["in_contacts"], books["waiting"]) == (4, 1, 0)
        assert books["accepted"] == books["erased"] + books["in_contacts"]
        last = [event for event in chain.said(CLEAN) if event.subject == contact_id][-1]
        assert (last.data, last.extensions["reason"]) == (None, "erased")
        assert [e.type for e in chain.said(EVENTS) if e.subject == contact_id][-1] is Type.CONTACT_ERASED


async def test_a_dry_run_counts_what_would_go_and_forgets_nothing(database: str) -> None:
    async with whole_chain(database) as chain:
        contact = await lived(chain)
        record_id = contact["records"][0]["record_id"]
        counted = [
            (await chain.post("/v1/erasures?dry_run=true", whom, Role.PRIVACY)).body
            for whom in ({"contact_id": contact["contact_id"]}, {"record_id": record_id}, {"email": ANNA["email"]})
        ]
        await chain.settle()
        kept = {"dry_run": True, "versions": contact["version"], "records": 2}
        assert counted == [kept, kept, {"dry_run": True, "versions": None, "records": None}]
        assert (await chain.get(f"/v1/contacts/{contact['contact_id']}"))["records_total"] == 2
        rows = await chain.world.database.fetch("SELECT count(*) AS asked FROM backup.erasure")
        assert rows[0]["asked"] == 0


async def test_nothing_old_brings_an_erased_person_back(database: str) -> None:
    async with whole_chain(database) as chain:
        contact_id = (await lived(chain))["contact_id"]
        said = [event for event in chain.said(RESOLVED) if event.subject == contact_id]
        await erase(chain, contact_id=contact_id)
        chain.forget_offsets()
        await chain.settle()
        assert await rows_naming(chain) == []
        assert (await chain.call("GET", f"/v1/contacts/{contact_id}")).status == 410
        assert len((await chain.get("/v1/contacts"))["items"]) == 1
        assert said, "a zombie would say these again"


async def test_who_comes_again_after_an_erasure_is_somebody_new(database: str) -> None:
    async with whole_chain(database) as chain:
        before = (await lived(chain))["contact_id"]
        await erase(chain, email=ANNA["email"])
        chain.world.clock.advance(60)  # type: ignore[attr-defined]
        again = await chain.contact_of(await come_back(chain))
        assert again["contact_id"] != before
        assert again["records_total"] == 1
        assert (await chain.call("GET", f"/v1/contacts/{before}")).status == 410


async def come_back(chain: Chain) -> str:
    event = await chain.send(source_record_id="1", **ANNA, phone="0171 2345678")
    await chain.settle()
    return event


async def test_a_former_id_is_erased_with_the_contact_it_leads_to(database: str) -> None:
    async with whole_chain(database) as chain:
        contact_id = (await lived(chain))["contact_id"]
        other = next(
            o["contact_id"] for o in (await chain.get("/v1/contacts"))["items"] if o["contact_id"] != contact_id
        )
        merged = await chain.post("/v1/merges", {"contact_ids": [contact_id, other], "reason": "Quastenberg sagt es"})
        (kept,) = merged.body["contact_ids"]
        await chain.settle()
        former = other if kept == contact_id else contact_id
        receipt = await erase(chain, contact_id=former)
        assert receipt["contact_id"] == kept
        assert (await chain.call("GET", f"/v1/contacts/{former}")).status == 410
        assert await rows_naming(chain) == []


@pytest.mark.parametrize(
    ("email", "state"), [("niemand@example.de", "not-found"), ("quastenberg@example.de", "ambiguous")]
)
async def test_nobody_is_erased_by_guessing(database: str, email: str, state: str) -> None:
    async with whole_chain(database) as chain:
        await lived(chain)
        await chain.send(source_record_id="9", **{**BERT, "given_name": "Uwe", "email": ANNA["email"]})
        await chain.settle()
        receipt = await erase(chain, email=email)
        assert (receipt["state"], receipt["services"]) == (state, {})
        assert len((await chain.get("/v1/contacts"))["items"]) == 3


@pytest.mark.parametrize("body", [{}, {"email": " "}, {"contact_id": "x"}, {"email": "a@b.de", "phone": "1"}])
async def test_a_request_names_exactly_one_person(database: str, body: dict[str, str]) -> None:
    async with whole_chain(database) as chain:
        assert (await chain.post("/v1/erasures", body, Role.PRIVACY)).status == 422


async def test_only_privacy_and_operators_erase(database: str) -> None:
    async with whole_chain(database) as chain:
        for role in (Role.SENDER, Role.READER, Role.STEWARD):
            assert (await chain.post("/v1/erasures", {"email": "a@example.de"}, role)).status == 403
