"""A message on our own topic, told apart by two lines: what was read before it, and when it was written."""

from datetime import datetime, timedelta

import pytest

from services.rules.core.hearing import HEARD_MAX, Hearing
from services.rules.core.plan import Heard
from tests.unit.rules.build import NOW, an_id

STORED = NOW
BEFORE, AFTER = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)


def heard(version: int, written: datetime = BEFORE, who: str = "anna") -> Heard:
    """A message of one version."""
    return Heard(0, an_id(who), version, int(written.timestamp() * 1_000))


@pytest.mark.parametrize(
    ("messages", "late"),
    [
        ([heard(7)], [False]),  # version 8 is on its way
        ([heard(7), heard(8), heard(7)], [False, False, True]),  # 7 came after 8
        ([heard(7, AFTER)], [True]),  # 7 was written after 8 was stored
        ([heard(8), heard(8, AFTER)], [False, False]),  # said twice
        ([heard(9, AFTER)], [False]),  # newer than we know: somebody else's to mend
    ],
)
def test_what_is_late(messages: list[Heard], late: list[bool]) -> None:
    hearing = Hearing()
    assert [hearing.is_late(one, 8, STORED) for one in messages] == late


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.rules.core.hearing.HEARD_MAX", 2)
    assert HEARD_MAX > 2
    hearing = Hearing()
    for who in ("anna", "bert", "carl"):
        hearing.is_late(heard(8, who=who), 8, STORED)
    assert not hearing.is_late(heard(7), 8, STORED), "forgotten, so only its time could tell"
    assert hearing.is_late(heard(7, who="carl"), 8, STORED)
