"""Sends the bundled feeds through the front door, and keeps with each delivery its receipt and who is behind it."""

import asyncio
import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.demo_count import Delivery
from deploy.local.demo_page import Screen
from shared.commands.columns import record_of
from shared.commands.http import Answer, Client
from shared.commands.reading import recognise
from shared.commands.running import Failed
from shared.commands.send import Sending, mapping_for

FEEDS: Final = Path(__file__).parent / "feeds"

FILES: Final = {"webform": "webform.ndjson", "newsletter": "newsletter.csv", "registration": "registration.csv"}

HOOK_FIELDS: Final = {"given_name": "vorname", "family_name": "nachname", "email": "mail", "phone": "tel"}
"""What the form behind the hooks calls our fields, as in feeds/sources.yaml."""

RATE: Final = 150.0
"""Records a second of each feed: slow enough that dedup can be killed in the middle of it."""


async def send(asks: Client, secret: str, screen: Screen) -> list[Delivery]:
    """All feeds at once, then the hooks, the cancellations and who attended; each delivery with its receipt."""
    truth: Mapping[str, Sequence[str | None]] = json.loads((FEEDS / "truth.json").read_text())
    started, done = time.monotonic(), 0
    files = {feed: recognise(FEEDS / name) for feed, name in FILES.items()}
    hooks = _lines("hooks.ndjson")
    attended, cancelled = _lines("attended.ndjson"), json.loads((FEEDS / "cancelled.json").read_text())
    total = sum(map(len, truth.values())) + len(attended) + len(cancelled["source_record_ids"])

    def progress(more: int) -> None:
        nonlocal done
        done += more
        screen.bar("sending", done, total)

    async def feed(name: str) -> list[Delivery]:
        file = files[name]
        mapping = mapping_for(file, None)
        rows = [record_of(row.values, mapping, name) for row in file.rows()]
        receipts = (
            await Sending(file, name, mapping, asks, RATE, keep_receipts=True, progress=progress).run()
        ).receipts
        in_order = [receipts[line] for line in sorted(receipts)]
        together = zip(truth[name], rows, in_order, strict=True)
        return [Delivery(name, "record", person, said, receipt) for person, said, receipt in together]

    found = [one for some in await asyncio.gather(*map(feed, FILES)) for one in some]
    found += await _hooks(asks, secret, hooks, truth["hooks"])
    progress(len(hooks))
    for path, body, kind in (
        ("/v1/record-deletions", cancelled, "deletion"),
        ("/v1/interactions", attended, "interaction"),
    ):
        answer = await asks.ask("POST", path, body)
        receipts = _receipts(answer, path)
        found += [Delivery("registration", kind, None, {}, receipt) for receipt in receipts]
        progress(len(receipts))
    screen.done("sending", done, total, time.monotonic() - started)
    return found


async def _hooks(
    asks: Client, secret: str, hooks: Sequence[Mapping[str, Any]], persons: Sequence[str | None]
) -> list[Delivery]:
    found: list[Delivery] = []
    for hook, person in zip(hooks, persons, strict=True):
        body, source = base64.b64decode(hook["body"]), hook["source"]
        answer = await asks.send("POST", f"/hooks/{source}/{secret}", body, {"Content-Type": "application/json"})
        answers: Mapping[str, str] = {} if person is None else json.loads(body)["answers"]
        said = {field: answers[name] for field, name in HOOK_FIELDS.items() if name in answers}
        found += [Delivery(source, "record", person, said, receipt) for receipt in _receipts(answer, "the hook")]
    return found


def _lines(name: str) -> list[Any]:
    return [json.loads(line) for line in (FEEDS / name).read_text(encoding="utf-8").splitlines()]


def _receipts(answer: Answer, what: str) -> list[dict[str, Any]]:
    if answer.status != 202:
        raise Failed(f"{what} answers {answer.status} where 202 was due")
    receipts: list[dict[str, Any]] = answer.body["receipts"]
    return receipts
