"""Bytes that nobody meant: `python -m tests.bench.bodies --inputs 200000 --seed 7` (about two minutes).

Half of them are web hooks of every vendor, as it sends them, and the answers of an API that a hook points to; half are
messages of every type as they lie on our topics. Each is damaged: signs changed, cut out, put in, doubled, exchanged
with another's, truths of JSON replaced by what is hard to bear. The front door's reading must end in records, in
interactions or in something to set aside, the codec in an event that can be said again or in Malformed; nothing else
may come of them, and no proof of a vendor may raise. Ends with 1 otherwise, and prints the seed of each fault.
"""

import argparse
import sys
from collections import Counter
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, cast

from msgspec.structs import replace
from rich.console import Console
from rich.progress import track
from rich.table import Table

from services.ingest.connectors.hook import Fetch, Hook
from services.ingest.connectors.known import CONNECTORS, connector_of
from services.ingest.connectors.reading import Bad, items_of, read_answer, read_hook
from shared.commands.vendors import VENDORS
from shared.commands.vendors_people import people
from shared.domain.configuration import Source
from shared.domain.errors import Malformed
from shared.domain.events import Event, Happened, RecordReceived, Snapshot
from shared.runtime import codec
from shared.runtime.broker import Headers, Message
from shared.topology import Type
from tests.bench.rules import person

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

HARD: Final = (
    b"null", b"true", b"1e999", b"-0", b"9" * 400, b'""', b"[]", b"{}", b'"\\u0000"', b'"\\ud800"', b"\xff",
    b"\xc3\x28", b"\xef\xbb\xbf", b"\x00", b"[" * 3_000, b'{"a":' * 500, b'"' + b"x" * 2_000 + b'"', b"NaN",
    b"%00", b"%", b"&&==",    b"\r\n--", b"2026-02-30T25:61:00Z", b"0000-00-00", "\u202e\u2028😀".encode(),
)  # fmt: skip
"""What readers stumble over: limits of numbers, depth, surrogates, marks, encodings, dates that no calendar has."""

DAMAGES_MAX: Final = 4
"""Damages of one body: with many, none gets beyond the first reader."""

CONTENT_TYPES: Final = (
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=kontaktwerk-simulated",
    "multipart/form-data", "text/plain", "", "application/json; charset=utf-16", "é",
)  # fmt: skip


def damaged(body: bytes, other: bytes, dice: Random) -> bytes:
    """The body with one to DAMAGES_MAX damages; `other` lends parts of itself."""
    for _ in range(dice.randint(1, DAMAGES_MAX)):
        at, to = sorted((dice.randint(0, len(body)), dice.randint(0, len(body))))
        to = min(to, at + dice.choice((1, 1, 4, 40)))
        body = body[:at] + _instead(body[at:to], other[at:to], dice) + body[to:]
    return body


def _instead(part: bytes, lent: bytes, dice: Random) -> bytes:
    return dice.choice((bytes([dice.randrange(256)]), b"", dice.choice(HARD), part * 2, lent))


def hooked(dice: Random, bodies: list[tuple[str, Any]]) -> str:
    """One damaged delivery; what came of it, in a word."""
    connector, sent = dice.choice(bodies)
    source = Source(
        connector=cast("Any", connector), key="pk_12345678", secrets=("secret",), map={"given_name": "data.value"}
    )
    body = damaged(sent.body, dice.choice(bodies)[1].body, dice)
    content_type = sent.content_type if dice.random() < 0.9 else dice.choice(CONTENT_TYPES)
    headers = {name.lower(): damaged(value.encode(), b"", dice).decode("latin-1") for name, value in PROOFS.items()}
    hook = Hook(source="fair", body=body, content_type=content_type, at=NOW, headers=headers, url="http://door/hooks")
    found = CONNECTORS[connector].authentic(hook, source)
    assert found is False or connector == "form", "a damaged proof holds"
    reads = read_hook if CONNECTORS[connector].api is None or dice.random() < 0.5 else read_answer
    read = reads(connector_of(source), hook, {"fair": source})
    items_of([one for one in read if not isinstance(one, Bad | Fetch)], "fair", b"key")
    if not read:
        return "hooks that concern no contact"
    return "hooks set aside" if any(isinstance(one, Bad) for one in read) else "hooks read"


def told(dice: Random, events: list[Event]) -> str:
    """One damaged message; what came of it, in a word."""
    value, headers = codec.encode(dice.choice(events))
    lent, _ = codec.encode(dice.choice(events))
    if value is not None and dice.random() < 0.9:
        value = damaged(value, lent or b"", dice)
    kept: Headers = tuple(
        (name, damaged(said, b"", dice) if dice.random() < 0.05 else said)
        for name, said in headers
        if dice.random() < 0.98
    )
    try:
        event = codec.decode(message_of(value, kept))
    except Malformed as error:
        codec.reason_of(error)
        return "messages set aside"
    again = codec.decode(message_of(*codec.encode(event)))
    begun = replace(event, traceparent=event.traceparent or again.traceparent)  # what has no trace begins one
    assert again == begun, "what is said again is something else"
    return "messages read"


def message_of(value: bytes | None, headers: Headers) -> Message:
    """A message that says this."""
    return Message(topic="t", partition=0, offset=0, timestamp_ms=0, key=b"k", value=value, headers=headers)


PROOFS: Final = {
    "authorization": "Bearer wrong", "typeform-signature": "sha256=c2VjcmV0", "stripe-signature": "t=1,v1=00",
    "tally-signature": "c2VjcmV0", "x-hubspot-signature": "00", "x-hubspot-signature-v3": "00",
    "x-hubspot-request-timestamp": "1", "webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,00",
    "calendly-webhook-signature": "t=1,v1=00",
}  # fmt: skip
"""Headers by which vendors prove themselves, none of them right."""


def events() -> list[Event]:
    """One of every type: with a value of its own where we have one at hand, else with another's."""
    contact = person(7, 3, "bodies")
    record = RecordReceived(
        record_id="r", source="webform", received_at=NOW, observed_at=NOW, fields={"email": "a@b.de"}
    )
    merged = Happened(contact_id="c", version=2, at=NOW, cause=contact.cause, into="d")
    values = (contact, Snapshot(contact=contact), record, merged, None)
    return [
        Event(id="e", type=type_, source="/s", time=NOW, subject="c", data=value) for type_ in Type for value in values
    ]


def run(inputs: int, seed: int) -> tuple[Counter[str], list[str]]:
    """What came of so many inputs, and what should not have."""
    bodies = [
        (vendor if vendor in CONNECTORS else "generic", body)
        for vendor, sends in VENDORS.items()
        for one in people(3, "run")
        for body in sends.bodies(one)
    ]
    said, came, faults = events(), Counter[str](), list[str]()
    for number in track(range(inputs), description="damaging", transient=True):
        dice = Random(f"{seed} {number}")
        try:
            came[hooked(dice, bodies) if number % 2 else told(dice, said)] += 1
        except (
            RecursionError,
            MemoryError,
            AssertionError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:
            came["FAULTS"] += 1
            faults.append(f"input {number} of seed {seed}: {type(error).__name__}")
    return came, faults


def main() -> int:
    """One run and its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=200_000, help="how many")
    parser.add_argument("--seed", type=int, default=7, help="the dice")
    arguments = parser.parse_args()
    came, faults = run(arguments.inputs, arguments.seed)
    table = Table("what came of it", "inputs", title=f"{arguments.inputs:,} inputs, seed {arguments.seed}")
    for name, number in sorted(came.items()):
        table.add_row(name, f"{number:,}")
    Console().print(table)
    for fault in faults[:20]:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
