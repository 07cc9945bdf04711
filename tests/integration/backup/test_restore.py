"""Goal: after everything was lost, a restore brings contacts back with their ids, and all that hangs on them.

Method: the whole chain on one database fills a backup; another chain on another, empty database restores it; what both
answer is compared, without versions and times.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.backup.core.sets import MANIFEST
from services.rules.service import build
from shared.domain.configuration import At, Channel, Mail, Notify, Rule, Then
from shared.runtime.access import Role
from shared.topology import CLEAN, EVENTS, Type
from tests.support.mailbox import mailbox
from tests.support.stack import Stack, create_database, drop_database
from tests.tutorial.chain import Chain, whole_chain

PEOPLE: list[dict[str, str]] = [
    {"source_record_id": "1", "given_name": "Jörg", "family_name": "Müller", "email": "joerg@example.de"},
    {"source_record_id": "2", "given_name": "Anna", "family_name": "Schmidt", "email": "anna@example.de"},
    {"source_record_id": "3", "given_name": "Anna", "family_name": "Schmidt", "email": "anna@example.de"},
    {"source_record_id": "4", "given_name": "Gesine", "family_name": "Abendroth", "birthday": "1980-02-29"},
    {"source_record_id": "5", "given_name": "Ruprecht", "family_name": "Zwirner", "email": "rz@example.de"},
    {"source_record_id": "6", "given_name": "Ottilie", "family_name": "Wanger", "phone": "030 1234567"},
]
CONSENT = {
    "purpose": "newsletter",
    "channel": "email",
    "address": "joerg@example.de",
    "status": "granted",
    "at": "2026-01-01T00:00:00Z",
}


async def lived(chain: Chain) -> None:
    """Records, updates, a deletion, a merge that holds and one taken back, consents, and things that happened."""
    for person in PEOPLE:
        await chain.send(**person, consents=[CONSENT] if person["source_record_id"] == "1" else [])
    await chain.settle()
    await chain.send(**{**PEOPLE[3], "job_title": "Leiterin"})
    happened = [
        {"source": "newsletter", "interaction_id": "a", "type": "newsletter.unsubscribed", "at": "2026-11-01T10:00:00Z",
         "contact": {"email": "joerg@example.de"}},
        {"source": "newsletter", "interaction_id": "b", "type": "newsletter.subscribed", "at": "2026-11-02T10:00:00Z",
         "contact": {"email": "neu@example.de"}},
        {"source": "crm", "interaction_id": "c", "type": "call", "at": "2026-11-03T10:00:00Z", "by": "erika",
         "contact": {"record": {"source": "webform", "source_record_id": "4"}}, "subject": "Rückruf"},
    ]  # fmt: skip
    assert (await chain.post("/v1/interactions", happened)).status == 202
    await chain.settle()
    contacts = {one["name"]["family"]: one["contact_id"] for one in await contacts_of(chain) if one["name"]["family"]}
    assert (await chain.post("/v1/merges", {"contact_ids": [contacts["Zwirner"], contacts["Abendroth"]]})).status == 200
    other = await chain.post("/v1/merges", {"contact_ids": [contacts["Wanger"], contacts["Schmidt"]]})
    await chain.settle()
    for judgement in other.body["judgement_ids"]:
        assert (await chain.call("DELETE", f"/v1/judgements/{judgement}")).status == 200
    path = f"/v1/pins/{contacts['Müller']}/job_title"
    pinned = await chain.call("PUT", path, said={"value": "Erfinder"})
    assert pinned.status == 200, pinned
    deletion = {"source": "webform", "source_record_ids": ["6"]}
    assert (await chain.post("/v1/record-deletions", deletion)).status == 202
    await chain.settle()


async def contacts_of(chain: Chain) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await chain.get("/v1/contacts"))["items"]
    return sorted(found, key=lambda one: one["contact_id"])


async def run_of(chain: Chain, path: str, wish: dict[str, str]) -> dict[str, Any]:
    """Ask for a run and let it come to its end."""
    asked = await chain.post(path, wish)
    assert asked.status == 202, asked
    await chain.settle()
    run: dict[str, Any] = {}
    for _ in range(10):
        await chain.settle()
        run = await chain.get(f"{path.partition('?')[0]}/{asked.body['id']}")
        if run["state"] in ("done", "failed"):
            return run
    raise AssertionError(f"never ends: {run}")


def plain(contact: dict[str, Any]) -> dict[str, Any]:
    """What a contact says, without versions, times of ours and causes."""
    return {k: v for k, v in contact.items() if k not in ("version", "updated_at", "cause", "changed")}


async def everything(chain: Chain) -> dict[str, Any]:
    """Contacts, identities, timelines and segments as they are answered."""
    contacts = await contacts_of(chain)
    ids = [one["contact_id"] for one in contacts]
    identities = {one: await chain.get(f"/v1/identities/{one}") for one in ids}
    timelines = {one: (await chain.get(f"/v1/timelines/{one}"))["items"] for one in ids}
    return {
        "contacts": [plain(one) for one in contacts],
        "members": {
            one: (sorted(m["record_id"] for m in i["members"]), i["judgements"], sorted(i["former_ids"]))
            for one, i in identities.items()
        },
        "happened": {
            one: [(e["at"], e["type"]) for e in some if e["kind"] == "interaction"] for one, some in timelines.items()
        },
    }


@pytest.fixture
async def other_database(stack: Stack, migrated_tables: str) -> AsyncIterator[str]:
    """A second installation's database."""
    name = f"test_{secrets.token_hex(8)}"
    yield await create_database(stack.database_url, name, migrated_tables)
    await drop_database(stack.database_url, name)


async def test_a_lost_system_comes_back_with_ids_judgements_timelines_and_consents(
    database: str, other_database: str, tmp_path: Path
) -> None:
    async with whole_chain(database) as chain:
        await lived(chain)
        before = await everything(chain)
        gone = [event.subject for event in chain.said(CLEAN) if event.type is Type.CONTACT_RETIRED]
        merged = {one: (await chain.call("GET", f"/v1/contacts/{one}")).body for one in gone}
        made = await run_of(chain, "/v1/backups", {"to": str(tmp_path)})
    assert made["state"] == "done", made
    async with whole_chain(other_database) as chain:
        checked = await run_of(chain, "/v1/restores?dry_run=true", {"from": str(tmp_path)})
        assert (checked["state"], checked["empty"], checked["rows"]) == ("done", True, made["rows"])
        restored = await run_of(chain, "/v1/restores", {"from": str(tmp_path)})
        assert restored["state"] == "done", restored
        assert await everything(chain) == before
        for former, answer in merged.items():
            again = (await chain.call("GET", f"/v1/contacts/{former}")).body
            assert again.get("redirected_from") == answer.get("redirected_from"), former
            assert again.get("contact_id") == answer.get("contact_id"), former
            assert again.get("retired", {}) == answer.get("retired", {}), former
        said = {event.type for event in chain.said(EVENTS)}
        assert said <= {Type.CONTACT_UPDATED}, "what comes back has happened before"
        update = await chain.send(**{**PEOPLE[0], "city": "Köln"})
        await chain.settle()
        assert (await chain.contact_of(update))["records_total"] == 1, "a source's record is known again"
        refused = await chain.post("/v1/restores", {"from": str(tmp_path)})
        assert refused.status == 409


async def test_nobody_is_told_twice_and_what_sticks_goes_on_sticking(
    database: str, other_database: str, tmp_path: Path
) -> None:
    rules = (
        Rule(
            name="titled",
            when='contact.job_title == "Chefin"',
            then=Then(segment="bosses", notify=Notify(channel="log")),
            sticky=True,
        ),
    )
    told = "SELECT contact_id::text, rule, part, occasion FROM rules.firing ORDER BY 1, 2, 3, 4"
    async with whole_chain(database) as chain, ruled(chain, rules) as chain:
        event = await chain.send(**PEOPLE[0], job_title="Chefin")
        await settled(chain)
        await chain.send(**PEOPLE[0], job_title="Angestellte")
        await settled(chain)
        before = await chain.contact_of(event)
        assert (before["job_title"], before["segments"]) == ("Angestellte", ["bosses"])
        fired = [tuple(row) for row in await chain.world.database.fetch(told)]
        assert len(fired) == 1
        await run_of(chain, "/v1/backups", {"to": str(tmp_path)})
    async with whole_chain(other_database) as chain, ruled(chain, rules) as chain:
        await run_of(chain, "/v1/restores", {"from": str(tmp_path)})
        assert [tuple(row) for row in await chain.world.database.fetch(told)] == fired
        await chain.send(**{**PEOPLE[0], "job_title": "Chefin"})
        await settled(chain)
        assert [event.type for event in chain.said(EVENTS) if event.type is Type.NOTIFICATION_REQUESTED] == []
        (contact,) = await contacts_of(chain)
        assert contact["segments"] == ["bosses"]


async def test_nobody_gets_a_birthday_mail_twice_and_everybody_one_next_year(
    database: str, other_database: str, tmp_path: Path
) -> None:
    """The birthday has come and the mail has gone; the same day all is lost and restored."""
    consent = {**CONSENT, "purpose": "birthday"}
    greet = Rule(
        name="greet", at=At(anniversary="birthday"), then=Then(mail=Mail(purpose="birthday", template="birthday"))
    )
    async with mailbox() as box:
        out = Channel(smtp=f"smtp://127.0.0.1:{box.port}", from_="crm@example.de")
        async with whole_chain(database) as chain, ruled(chain, (greet,), mail=out) as chain:
            await chain.send(**PEOPLE[0], birthday="1980-11-23", consents=[consent])
            await chain.send(**PEOPLE[3])
            await settled(chain)
            assert box.mails == []
            chain.world.clock.advance(25 * 3600)  # type: ignore[attr-defined]
            await settled(chain)
            assert [mail["To"] for mail in box.mails] == [PEOPLE[0]["email"]]
            await run_of(chain, "/v1/backups", {"to": str(tmp_path)})
        async with whole_chain(other_database) as chain, ruled(chain, (greet,), mail=out) as chain:
            chain.world.clock.advance(26 * 3600)  # type: ignore[attr-defined]
            await run_of(chain, "/v1/restores", {"from": str(tmp_path)})
            for _ in range(3):
                await settled(chain)
                chain.world.clock.advance(6 * 3600)  # type: ignore[attr-defined]
            assert len(box.mails) == 1, "the same day, again"
            chain.world.clock.advance(365 * 86400)  # type: ignore[attr-defined]
            await settled(chain)
            assert len(box.mails) == 2, "a year later: what was planned has come back too"


async def settled(chain: Chain) -> None:
    """Let all come to rest, chores too: what they say is taken in the next time."""
    for _ in range(3):
        await chain.settle()
        chain.world.clock.advance(1)  # type: ignore[attr-defined]


@asynccontextmanager
async def ruled(chain: Chain, rules: tuple[Rule, ...], **channels: Channel) -> AsyncGenerator[Chain]:
    """The chain with these rules and channels instead of its own."""
    ways = {"log": Channel(), **channels}
    configuration = msgspec.structs.replace(chain.world.configuration, rules=rules, channels=ways)
    world = replace(chain.world, configuration=configuration)
    yield replace(chain, world=world, services={**chain.services, "rules": await build(world)})


async def test_a_flipped_bit_is_named_by_file(database: str, tmp_path: Path) -> None:
    async with whole_chain(database) as chain:
        await chain.send(**PEOPLE[0])
        await chain.settle()
        made = await run_of(chain, "/v1/backups", {"to": str(tmp_path)})
        folder = tmp_path / made["name"]
        for name in [MANIFEST, "archive.ndjson.zst", "decided.ndjson.zst"]:
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
            checked = await run_of(chain, "/v1/restores?dry_run=true", {"from": str(folder)})
            assert checked["state"] == "failed"
            assert name in checked["reason"]
            (folder / name).write_bytes(whole)
        assert (await run_of(chain, "/v1/restores?dry_run=true", {"from": str(folder)}))["state"] == "done"


async def test_a_backup_that_was_killed_is_no_backup(database: str, tmp_path: Path) -> None:
    async with whole_chain(database) as chain:
        (tmp_path / ".kontaktwerk-20261122T120000Z-00000000.partial").mkdir()
        refused = await chain.post("/v1/restores?dry_run=true", {"from": str(tmp_path)})
        assert (refused.status, refused.body["errors"][0]["pointer"]) == (422, "/from")


@pytest.mark.parametrize("role", [Role.READER, Role.STEWARD, Role.PRIVACY])
async def test_only_operators_back_up_and_restore(database: str, role: Role) -> None:
    async with whole_chain(database) as chain:
        for path in ("/v1/backups", "/v1/restores"):
            assert (await chain.post(path, {}, role)).status == 403
