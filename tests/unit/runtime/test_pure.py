"""Retry, offsets, partitions and poison: values in, values out."""

import os
import random

from aiokafka.partitioner import murmur2 as kafkas_murmur2
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime import poison
from shared.runtime.broker import TopicPartition
from shared.runtime.broker.partitions import murmur2, partition_of
from shared.runtime.offsets import next_offsets
from shared.runtime.retry import FIRST_PAUSE_S, PAUSE_MAX_S, pause_s
from shared.topology import RECEIVED
from tests.unit.runtime.fixtures import message


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_never_nothing_and_never_longer_than_the_limit(attempt: int, dice: float) -> None:
    assert FIRST_PAUSE_S / 2 <= pause_s(attempt, dice) <= PAUSE_MAX_S


def test_pauses_double_until_the_limit() -> None:
    assert [pause_s(attempt, 0.0) for attempt in (1, 2, 3, 4, 50)] == [0.05, 0.1, 0.2, 0.4, 2.5]


def test_what_may_be_committed_is_the_place_after_the_last_of_each_partition() -> None:
    batch = [message(offset=7), message(offset=8), message(offset=3, partition=1), message(offset=5)]
    assert next_offsets(batch) == {TopicPartition(RECEIVED.name, 0): 9, TopicPartition(RECEIVED.name, 1): 4}


def test_nothing_taken_commits_nothing() -> None:
    assert next_offsets([]) == {}


@given(st.binary(max_size=200))
def test_the_hash_is_kafkas(key: bytes) -> None:
    assert murmur2(key) == kafkas_murmur2(key) & 0xFFFF_FFFF


def test_keys_spread_over_all_partitions() -> None:
    found = {partition_of(os.urandom(16), 12) for _ in range(2_000)}
    assert found == set(range(12))


def test_a_message_without_a_key_has_a_place_too() -> None:
    assert partition_of(None, 12) == 0


def test_another_batch_starts_a_new_count() -> None:
    third = poison.Attempt(first_offset=5, attempts=3, alone_offset=5, alone_attempts=1)
    assert poison.begun(third, 6) == poison.Attempt(first_offset=6, attempts=1)
    assert poison.begun(None, 6) == poison.Attempt(first_offset=6, attempts=1)


def test_a_batch_begun_too_often_is_taken_message_by_message() -> None:
    attempt = None
    for expected in (False, False, True):
        attempt = poison.begun(attempt, 5)
        assert poison.one_by_one(attempt) is expected


def test_only_the_message_that_was_tried_alone_twice_is_poison() -> None:
    attempt = poison.begun_alone(poison.Attempt(first_offset=5, attempts=3), 7)
    assert not poison.is_poison(attempt, 7)
    attempt = poison.begun_alone(poison.begun(attempt, 7), 7)
    assert poison.is_poison(attempt, 7)
    assert not poison.is_poison(attempt, 8)


@given(st.integers(0, 10**6))
def test_a_process_that_dies_on_one_message_reaches_it_within_a_few_deaths(seed: int) -> None:
    """The law of the whole: whatever the batches, the deadly message is set aside and no other one is."""
    dice = random.Random(seed)
    length = dice.randint(1, 30)
    deadly = dice.randrange(length)
    written: poison.Attempt | None = None
    committed = deaths = 0
    set_aside: list[int] = []
    while committed < length:
        batch = range(committed, min(length, committed + dice.randint(1, 10)))
        written = poison.begun(written, batch.start)
        if not poison.one_by_one(written):
            if deadly in batch and deadly not in set_aside:
                deaths += 1
                continue
            committed, written = batch.stop, None
            continue
        before = written
        for offset in batch:
            if poison.is_poison(before, offset):
                set_aside.append(offset)
            else:
                written = poison.begun_alone(before, offset)
                if offset == deadly:
                    deaths += 1
                    break
            committed = offset + 1
        else:
            written = None
    assert set_aside == [deadly]
    assert deaths <= 12  # more than four only where shorter batches on the way begin new counts
