"""Goal: nothing is lost, done twice, split, different or orphaned when everything dies, sleeps and is cut off.

Method: `make chaos` in small (docs/reliability.md), with seeds that draw many kinds of faults; the oracle counts.
"""

from pathlib import Path

from tests.chaos.running import Wish, run

EVENTS = 900
KILLS = 5
SEED = 7
"""Draws a frozen process, Postgres stopped at once while Kafka is cut off, Kafka killed, ingest killed, one after the
other."""


async def test_after_everything_was_killed_frozen_and_cut_nothing_is_lost_or_twice(system_folder: Path) -> None:
    report = await run(system_folder, Wish(EVENTS, KILLS, SEED))
    assert report.verdict.five == dict.fromkeys(report.verdict.five, 0), report.verdict
    assert not report.sender.unexpected
    assert len(report.sender.accepted) >= EVENTS
