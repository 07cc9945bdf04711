"""What `up` tells is told where possible; where its words have no room, it goes on all the same."""

import contextlib
import io
from pathlib import Path

from deploy.local.screen import Screen


def test_a_line_that_has_no_room_stops_nothing() -> None:
    out = Path("/dev/full").open("w")  # noqa: SIM115 (closing it fails, too)
    Screen(out).happened("kafka ended with 1")
    with contextlib.suppress(OSError):
        out.close()


def test_what_happened_is_told_with_the_time_of_day() -> None:
    out = io.StringIO()
    Screen(out).happened("kafka is back")
    assert out.getvalue().strip().endswith("kafka is back")
