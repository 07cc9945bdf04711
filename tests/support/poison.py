"""Ten kinds of messages that can never be processed as they are: how each comes, where and why it is set aside, and how
somebody would mend it. Five come as a vendor's deliveries through the front door, five lie on `contacts.received`, as a
faulty release or a foreign writer may have left them there.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.domain.events import Event, RecordReceived
from shared.domain.ids import derived_id
from shared.domain.outcome import LetterReason, Outgoing
from shared.runtime import codec
from shared.runtime.broker import Draft
from shared.topology import RECEIVED, Type

HOOK: Final = "/hooks/webform"

Fix = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; `made` gives a body for the front door or a message for the log, by number; `fix` what mends it."""

    name: str
    stage: str
    reason: LetterReason
    made: Callable[[int], bytes | Draft]
    fix: Callable[[int], Fix]


def mail(number: int) -> str:
    """The address by which the record of this number is found."""
    return f"bad{number}@example.org"


def _json(number: int, **more: Any) -> bytes:
    return json.dumps({"email": mail(number), "source_record_id": f"bad-{number}", **more}, ensure_ascii=False).encode()


def _latin(said: bytes) -> bytes:
    return said.decode().encode("latin-1")


def _message(number: int, change: Callable[[bytes], bytes] = bytes, *, typed: bool = True) -> Draft:
    """A good message about a record, with its bytes changed, or without its type."""
    record_id = derived_id("bad record", str(number))
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    data = RecordReceived(
        record_id=record_id,
        source="webform",
        source_record_id=f"bad-{number}",
        received_at=now,
        observed_at=now,
        fields={"email": mail(number), "family_name": f"Müller{number}"},
    )
    event = Event(
        id=derived_id("bad event", str(number)),
        type=Type.RECORD_RECEIVED,
        source="/kontaktwerk/elsewhere",
        time=now,
        subject=record_id,
        data=data,
    )
    good = codec.draft(Outgoing(RECEIVED, record_id, event))
    assert good.value is not None
    headers = tuple((name, value) for name, value in good.headers if typed or name != "ce_type")
    return Draft(topic=good.topic, key=good.key, value=change(good.value), headers=headers)


def _whole(number: int) -> Fix:
    value = _message(number).value
    assert value is not None
    return {"value": json.loads(value)}


KINDS: Final = (
    Kind(
        "a body cut off", "ingest", LetterReason.UNREADABLE,
        lambda n: _json(n)[:-4],
        lambda n: {"value": {"email": mail(n), "source_record_id": f"bad-{n}"}},
    ),
    Kind(
        "a body in Latin-1", "ingest", LetterReason.NOT_UTF8,
        lambda n: _latin(_json(n, family_name="Müller")),
        lambda _: {"encoding": "windows-1252"},
    ),
    Kind(
        "names that no mapping knows", "ingest", LetterReason.NOTHING_TO_GO_BY,
        lambda n: json.dumps({"kontakt": {"adresse": mail(n)}, "nr": f"bad-{n}"}).encode(),
        lambda _: {"map": {"email": "kontakt.adresse", "source_record_id": "nr"}},
    ),
    Kind(
        "a name of 1,500 characters", "ingest", LetterReason.INVALID,
        lambda n: _json(n, family_name="x" * 1_500),
        lambda _: {"set": {"/family_name": "Meier"}},
    ),
    Kind(
        "a body of 45 KB", "ingest", LetterReason.TOO_LARGE,
        lambda n: _json(n, notes=["y" * 9_000] * 5),
        lambda _: {"remove": ["/notes"]},
    ),
    Kind(
        "a message cut off", "dedup", LetterReason.UNREADABLE,
        lambda n: _message(n, lambda value: value[:-4]),
        _whole,
    ),
    Kind(
        "a message without its type", "dedup", LetterReason.UNREADABLE,
        lambda n: _message(n, typed=False),
        lambda _: {"headers": {"ce_type": Type.RECORD_RECEIVED.wire}},
    ),
    Kind(
        "a message in Latin-1", "dedup", LetterReason.NOT_UTF8,
        lambda n: _message(n, _latin),
        lambda _: {"encoding": "latin-1"},
    ),
    Kind(
        "a time that is none", "dedup", LetterReason.INVALID,
        lambda n: _message(n, lambda value: value.replace(b'"observed_at":"', b'"observed_at":"about ')),
        lambda _: {"set": {"/observed_at": "2026-11-22T12:00:00Z"}},
    ),
    Kind(
        "a record id that is none", "dedup", LetterReason.INVALID,
        lambda n: _message(n, lambda value: value.replace(b'"record_id":"', b'"record_id":"no-')),
        lambda n: {"set": {"/record_id": derived_id("bad record", str(n))}},
    ),
)  # fmt: skip


def kind_of(number: int) -> Kind:
    """The kinds take turns."""
    return KINDS[number % len(KINDS)]


def number_in(shown: Any) -> int:
    """Which of the bad ones a letter holds, as `GET /v1/dead-letters/{id}?reveal=true` shows it: its address says so,
    whatever else cannot be read. Raises ValueError where it holds none, or two.
    """
    (number,) = set(re.findall(r"bad(\d+)@", str(shown["message"]["value"])))
    return int(number)


def expected(count: int) -> dict[tuple[str, str], int]:
    """How many letters of which stage and reason so many bad ones come to."""
    found: dict[tuple[str, str], int] = {}
    for number in range(count):
        kind = kind_of(number)
        found[kind.stage, kind.reason.value] = found.get((kind.stage, kind.reason.value), 0) + 1
    return found
