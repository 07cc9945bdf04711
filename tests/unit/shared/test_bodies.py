"""A small run of `python -m tests.bench.bodies`, and that it sees what should not be."""

import pytest
from msgspec.structs import replace

from shared.domain.errors import Malformed
from shared.domain.events import Event
from shared.runtime import codec
from shared.runtime.broker import Message
from tests.bench import bodies


def test_damaged_hooks_and_messages_are_read_or_set_aside_and_nothing_else() -> None:
    came, faults = bodies.run(1_500, seed=11)
    assert faults == []
    assert came.total() == 1_500
    assert {"hooks read", "hooks set aside", "messages read", "messages set aside"} <= came.keys()


def test_a_reader_that_raises_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: object) -> None:
        raise KeyError("it")

    monkeypatch.setattr(bodies, "read_hook", raises)
    assert bodies.run(40, seed=11)[1]


def test_a_codec_that_says_something_else_again_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    decode = codec.decode
    said = iter(range(10_000))

    def other(message: Message) -> Event:
        event = decode(message)
        if message.value is None:
            raise Malformed("left out")
        return replace(event, id=f"{next(said)}")

    monkeypatch.setattr(codec, "decode", other)
    assert bodies.run(400, seed=11)[1]
