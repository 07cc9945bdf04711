"""Goal: what is doubtful is asked once, the most useful question first, and asked again only for a reason.

Method: dedup's own paths over HTTP without a network, on a real Postgres.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.dedup.reviews.desk import Desk
from shared.runtime.access import Role, create_token
from tests.integration.dedup.town import Town, record_id, says, takes_back

RARE = {"given_name": "Jörg", "family_name": "Lüdenscheidt"}
OTHER = {"given_name": "Wiebke", "family_name": "Abendroth"}
NOBODY = "00000000-0000-7000-8000-000000000000"


async def ask_about(town: Town, *names: str, **person: str) -> None:
    """Records of one name and nothing else in common: a question, not a merge."""
    for place, name in enumerate(names):
        others = (
            {"email": f"{name}@example.de"} if place % 2 else {"phone": f"017{place + 1} {7_654_321 * (place + 1)}"}
        )
        await town.tell(says(name, at=1, source=("crm", "webform")[place % 2], **(person or RARE), **others))


async def items(steward: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await steward.get(f"/v1/reviews?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def post(steward: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await steward.post(path, json=body or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_review_shows_both_sides_their_evidence_and_the_contact_they_would_make(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward, "language=de")
    homes = await town.homes()
    assert {group["contact_id"] for group in review["groups"]} == {homes[record_id("a")], homes[record_id("b")]}
    (pair,) = review["evidence"]
    assert sum(part["millibits"] for part in pair["parts"]) == pair["millibits"] == round(1_000 * review["bits"])
    assert review["result"]["contact_id"] in homes.values()
    assert [one["value"] for one in review["result"]["emails"]] == ["b@example.de"]
    assert len(review["result"]["phones"]) == 1
    assert review == (await steward.get(f"/v1/reviews/{review['review_id']}?language=de")).json()
    done = await post(steward, f"/v1/reviews/{review['review_id']}", judgement="same", reason="I know him")
    assert done["contact_ids"] == [review["result"]["contact_id"]]
    assert await town.groups() == {frozenset({record_id("a"), record_id("b")})}
    assert await items(steward) == []
    (decided,) = await items(steward, "state=decided")
    assert (decided["answer"], decided["answer_reason"], decided["decided_by"], decided["judgement_ids"]) == (
        "same", "I know him", "stewardess", done["judgement_ids"],
    )  # fmt: skip


async def test_the_answer_that_sets_most_right_is_asked_for_first(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    await ask_about(town, "c", "d", "e", "f", **OTHER)
    first, last = await items(steward)
    assert len(first["groups"]) > len(last["groups"])
    assert first["benefit"] > last["benefit"]
    (one,) = await items(steward, "limit=1")
    cursor = (await steward.get("/v1/reviews?limit=1")).json()["next"]
    (two,) = await items(steward, f"limit=1&cursor={cursor}")
    assert [one["review_id"], two["review_id"]] == [first["review_id"], last["review_id"]]


async def test_what_is_put_off_comes_back_when_it_is_due(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="later")
    assert await items(steward) == []
    (waiting,) = await items(steward, "state=later")
    due = datetime.fromisoformat(waiting["due_at"])
    assert timedelta(days=13) < due - datetime.now(UTC) <= timedelta(days=14)
    chore = Desk(town.world, town.identity).chore()
    await chore.run()
    assert await items(steward) == []
    await town.database.execute("update dedup.review set due_at = now() - interval '1 second'")
    await chore.run()
    (again,) = await items(steward)
    assert (again["review_id"], again["due_at"], again["answer"]) == (review["review_id"], None, None)


async def test_what_is_put_off_comes_back_at_once_when_its_evidence_changes(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    until = (datetime.now(UTC) + timedelta(days=200)).isoformat()
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="later", until=until)
    await town.tell(says("a", at=5, source="crm", job_title="Leiter"))
    assert await items(steward) == []
    await town.database.execute("update dedup.review set weight = weight - 100")
    await town.tell(says("a", at=6, source="crm", city="Kiel"))
    (again,) = await items(steward)
    assert (again["review_id"], again["due_at"]) == (review["review_id"], None)


async def test_a_judgement_is_not_asked_again_while_its_evidence_is_the_same(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="different")
    apart = await town.groups()
    await town.tell(*(says(f"new{n}", at=9, email=f"new{n}@example.org", given_name="Ute") for n in range(30)))
    await town.tell(says("a", at=10, source="crm", job_title="Leiter", attributes={"hobby": "Segeln"}))
    assert await items(steward) == []
    assert apart <= await town.groups()


async def test_different_is_asked_again_when_its_evidence_grew_and_holds_until_it_is_answered(
    town: Town, steward: httpx.AsyncClient
) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="different")
    await town.tell(says("a", at=9, source="crm", birthday="1980-02-29"))
    await town.tell(says("b", at=9, source="webform", birthday="1980-02-29"))
    (again,) = await items(steward)
    assert (again["reason"], again["review_id"]) == ("changed", review["review_id"])
    assert len(await town.groups()) == 2
    await town.tell(says("b", at=10, source="webform", job_title="Leiter"))
    assert len(await items(steward)) == 1
    await post(steward, f"/v1/reviews/{again['review_id']}", judgement="different")
    assert await items(steward) == []
    await town.tell(says("b", at=11, source="webform", job_title="Leiterin"))
    assert await items(steward) == []


async def test_same_is_asked_again_when_a_birthday_speaks_against_it(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="same")
    await town.tell(says("a", at=9, source="crm", birthday="1980-02-29"))
    assert await items(steward) == []
    await town.tell(says("b", at=9, source="webform", birthday="1951-11-03"))
    (again,) = await items(steward)
    assert (again["reason"], again["evidence"][0]["veto"]["code"] if again["evidence"] else "birthday") == (
        "changed",
        "birthday",
    )
    assert len(await town.groups()) == 1
    await post(steward, f"/v1/reviews/{again['review_id']}", judgement="different")
    assert len(await town.groups()) == 2
    assert await items(steward) == []


async def test_an_answer_taken_back_is_asked_again(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    path = f"/v1/reviews/{review['review_id']}"
    for judgement in ("same", "different"):
        given = await post(steward, path, judgement=judgement)
        undone = await post(steward, f"{path}/undo")
        assert (undone["judgement_ids"], len(await town.groups())) == (given["judgement_ids"], 2)
        (again,) = await items(steward)
        assert (again["review_id"], again["state"]) == (review["review_id"], "open")
    await post(steward, path, judgement="later")
    await post(steward, f"{path}/undo")
    assert len(await items(steward)) == 1
    assert (await steward.post(f"{path}/undo")).status_code == 409


async def test_a_dry_run_of_anything_changes_nothing(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    before = await town.state()
    path = f"/v1/reviews/{review['review_id']}"
    for judgement in ("same", "different", "later"):
        await post(steward, f"{path}?dry_run=true", judgement=judgement)
    await post(steward, "/v1/reviews/assignments?dry_run=true", review_ids=[review["review_id"]], assignee="ute")
    await post(steward, "/v1/reviews/controls?dry_run=true", count=5)
    shown = await post(steward, "/v1/reviews/bulk", judgement="same", reviews={})
    await post(steward, "/v1/reviews/bulk?dry_run=true", judgement="same", reviews={}, confirm=shown["confirm"])
    assert await town.state() == before
    assert [one["assignee"] for one in await items(steward)] == [None]


async def test_many_are_answered_at_once_after_a_sample_was_shown(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    await ask_about(town, "c", "d", **OTHER)
    wish: dict[str, Any] = {"judgement": "same", "reviews": {"probability": [0.2, 1], "reason": "borderline"}}
    shown = await post(steward, "/v1/reviews/bulk", **wish)
    assert (shown["total"], len(shown["sample"]), len(await town.groups())) == (2, 2, 4)
    assert {"evidence", "result"} <= shown["sample"][0].keys()
    assert (await steward.post("/v1/reviews/bulk", json={**wish, "confirm": NOBODY})).status_code == 409
    done = await post(steward, "/v1/reviews/bulk", **wish, confirm=shown["confirm"])
    assert (done["answered"], done["skipped"], len(done["judgement_ids"])) == (2, [], 2)
    assert len(await town.groups()) == 2
    assert (await steward.post("/v1/reviews/bulk", json={**wish, "confirm": shown["confirm"]})).status_code == 409
    none = await post(steward, "/v1/reviews/bulk", judgement="same", reviews={"probability": [0, 0.01]})
    assert (none["total"], none["sample"]) == (0, [])


async def test_some_of_a_group_are_one_person_and_the_others_are_not(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b", "c")
    (review,) = await items(steward)
    homes = await town.homes()
    named = [homes[record_id(name)] for name in ("a", "c")]
    path = f"/v1/reviews/{review['review_id']}"
    for wrong in (
        {"judgement": "same", "contact_ids": [NOBODY, NOBODY]},
        {"judgement": "different", "contact_ids": named},
    ):
        assert (await steward.post(path, json=wrong)).status_code == 422
    done = await post(steward, path, judgement="same", contact_ids=named)
    assert len(done["judgement_ids"]) == 2
    apart = {frozenset({record_id("a"), record_id("c")}), frozenset({record_id("b")})}
    assert await town.groups() == apart
    assert await items(steward) == []
    await post(steward, f"{path}/undo")
    assert len(await town.groups()) == 3


async def test_reviews_are_somebodys(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    await ask_about(town, "c", "d", **OTHER)
    first, second = await items(steward)
    given = await post(steward, "/v1/reviews/assignments", review_ids=[first["review_id"]], assignee="ute")
    assert given == {"assigned": 1}
    assert [one["review_id"] for one in await items(steward, "assignee=ute")] == [first["review_id"]]
    assert [one["review_id"] for one in await items(steward, "assignee=")] == [second["review_id"]]
    await post(steward, "/v1/reviews/assignments", review_ids=[first["review_id"]], assignee=None)
    assert await items(steward, "assignee=ute") == []


async def test_merges_are_checked_by_drawing_some(town: Town, steward: httpx.AsyncClient) -> None:
    same = {**RARE, "email": "jl@example.de"}
    await town.tell(says("a", at=1, **same), says("b", at=1, source="crm", **same))
    drawn = await post(steward, "/v1/reviews/controls", count=10)
    assert len(drawn["review_ids"]) == 1
    await town.tell(says("b", at=3, source="crm", job_title="Leiter"))
    (review,) = await items(steward, "reason=control")
    assert (review["reason"], len({group["contact_id"] for group in review["groups"]})) == ("control", 1)
    quality = (await steward.get("/v1/reviews/quality")).json()
    before = quality["precision"]["value"]
    await post(steward, f"/v1/reviews/{review['review_id']}", judgement="same")
    quality = (await steward.get("/v1/reviews/quality")).json()
    assert quality["precision"]["value"] >= before
    assert (quality["answers"], quality["reviews"]["decided"]) == ({"same": 1, "different": 0}, 1)
    assert {one["source"] for one in quality["sources"]} == {"webform", "crm"}
    assert len(quality["weeks"]) == 1
    assert (await post(steward, "/v1/reviews/controls", count=10))["total"] == 0


async def test_a_drawn_pair_that_is_no_person_is_taken_apart(town: Town, steward: httpx.AsyncClient) -> None:
    same = {**RARE, "email": "jl@example.de"}
    await town.tell(says("a", at=1, **same), says("b", at=1, source="crm", **same))
    (review_id,) = (await post(steward, "/v1/reviews/controls", count=1))["review_ids"]
    await post(steward, f"/v1/reviews/{review_id}", judgement="different")
    assert len(await town.groups()) == 2


async def test_a_question_whose_records_are_gone_is_closed(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    await town.tell(takes_back("b", at=9, source="webform"))
    assert await items(steward) == []
    answer = await steward.post(f"/v1/reviews/{review['review_id']}", json={"judgement": "same"})
    assert answer.status_code == 409


async def test_each_question_is_told_when_it_is_opened(town: Town, steward: httpx.AsyncClient) -> None:
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    path = f"/v1/reviews/{review['review_id']}"
    await post(steward, path, judgement="same")
    await post(steward, f"{path}/undo")
    query = "select count(*) from runtime.outbox where convert_from(value, 'UTF8') like $1"
    said = await town.database.fetch(query, f"%{review['review_id']}%")
    assert said[0][0] == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"/v1/reviews/{NOBODY}", None, 404),
        ("GET", "/v1/reviews/x", None, 404),
        ("GET", "/v1/reviews?reason=x", None, 422),
        ("POST", f"/v1/reviews/{NOBODY}/undo", None, 404),
        ("POST", f"/v1/reviews/{NOBODY}", {"judgement": "maybe"}, 422),
        ("POST", f"/v1/reviews/{NOBODY}", {"judgement": "later", "until": "2020-01-01T00:00:00Z"}, 422),
        ("POST", f"/v1/reviews/{NOBODY}", {"judgement": "same", "until": "2099-01-01T00:00:00Z"}, 422),
        ("POST", "/v1/reviews/bulk", {"judgement": "same"}, 422),
        ("POST", "/v1/reviews/bulk", {"judgement": "same", "reviews": {"probability": [0, 7]}}, 422),
        ("POST", "/v1/reviews/assignments", {"review_ids": ["x"], "assignee": "ute"}, 422),
        ("POST", "/v1/reviews/controls", {"count": 0}, 422),
        ("POST", "/v1/reviews/controls", {"count": 1_000}, 422),
    ],
)
async def test_nonsense_gets_a_clear_answer(
    steward: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    answer = await steward.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_reader_sees_the_queue_and_answers_nothing(town: Town, steward: httpx.AsyncClient) -> None:
    token = await create_token(town.database, Role.READER, "reader")
    await ask_about(town, "a", "b")
    (review,) = await items(steward)
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/v1/reviews", "/v1/reviews/quality", f"/v1/reviews/{review['review_id']}"):
        assert (await steward.get(path, headers=headers)).status_code == 200
    for path, body in (
        (f"/v1/reviews/{review['review_id']}", {"judgement": "same"}),
        (f"/v1/reviews/{review['review_id']}/undo", None),
        ("/v1/reviews/bulk", {"judgement": "same", "reviews": {}}),
        ("/v1/reviews/assignments", {"review_ids": [NOBODY], "assignee": None}),
        ("/v1/reviews/controls", {"count": 1}),
    ):
        assert (await steward.post(path, json=body, headers=headers)).status_code == 403
