from datetime import UTC, datetime, timedelta

import pytest

from shared.commands.examining import (
    Check,
    State,
    of_clock,
    of_disk,
    of_kafka,
    of_password,
    of_postgres,
    of_tables,
    of_tokens,
    of_topics,
)  # fmt: skip
from shared.runtime.access import Role, Token
from shared.runtime.broker.kafka_admin import Cluster, TopicThere, settings_for
from shared.runtime.database import Server
from shared.topology import CLEAN, TOPICS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIB = 1 << 30


def cluster(copies: int = 1, brokers: int = 1, protocol: str | None = None) -> Cluster:
    """All topics as they are made for so many copies."""
    topics = {topic.name: TopicThere(12, copies, settings_for(topic, copies)) for topic in TOPICS}
    return Cluster(brokers, protocol, topics)


def states(checks: list[Check]) -> list[State]:
    return [check.state for check in checks]


@pytest.mark.parametrize(
    ("protocol", "state"), [(None, State.GOOD), ("3.9-IV0", State.GOOD), ("3.7", State.GOOD), ("3.6-IV2", State.MEND)]
)
def test_a_kafka_too_old_is_to_be_mended(protocol: str | None, state: State) -> None:
    assert states(of_kafka(cluster(protocol=protocol), 1)) == [state]


def test_three_copies_need_three_brokers() -> None:
    assert states(of_kafka(cluster(brokers=2), 3)) == [State.MEND]
    assert states(of_kafka(cluster(brokers=3), 3)) == [State.GOOD]


def test_topics_as_they_are_made_are_good() -> None:
    assert states(of_topics(cluster(), 12, 1)) == [State.GOOD]
    assert states(of_topics(cluster(copies=3), 12, 3)) == [State.GOOD]


def test_a_missing_topic_is_named_with_the_verb_that_makes_it() -> None:
    found = cluster()
    (check,) = of_topics(found._replace(topics={n: t for n, t in found.topics.items() if n != CLEAN.name}), 12, 1)
    assert (check.state, check.found) == (State.MEND, "contacts.clean missing")
    assert "kontaktwerk topics" in check.remedy


def test_another_number_of_partitions_is_never_changed_by_us() -> None:
    (check,) = of_topics(cluster(), 24, 1)
    assert check.state is State.MEND
    assert "KONTAKTWERK_PARTITIONS=12" in check.remedy


def test_too_few_copies_and_other_settings_are_each_told() -> None:
    assert "fewer than 3 copies" in of_topics(cluster(), 12, 3)[0].found
    found = cluster()
    kept_short = found.topics[CLEAN.name]._replace(settings={"cleanup.policy": "delete"})
    checks = of_topics(found._replace(topics={**found.topics, CLEAN.name: kept_short}), 12, 1)
    assert {check.state for check in checks} == {State.MEND}
    assert any("--add-config cleanup.policy=compact" in check.remedy for check in checks)


def test_from_three_copies_on_a_write_must_reach_two() -> None:
    assert settings_for(CLEAN, 3)["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in settings_for(CLEAN, 2)


@pytest.mark.parametrize(
    ("server", "state"),
    [
        (Server(180_004, 512, 100, NOON), State.GOOD),
        (Server(150_000, 512, 100, NOON), State.GOOD),
        (Server(140_012, 512, 100, NOON), State.MEND),
        (Server(180_004, 64, 100, NOON), State.MEND),
    ],
)
def test_postgres_must_be_new_and_let_dedup_lock_its_keys(server: Server, state: State) -> None:
    assert states(of_postgres(server)) == [state]


def test_older_tables_are_mended_and_newer_ones_only_noticed() -> None:
    found = [of_tables(present, "0009")[0].state for present in (None, "0008", "0009", "0010")]
    assert found == [State.MEND, State.MEND, State.GOOD, State.DOUBTFUL]


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (0, State.GOOD),
        (0.5, State.GOOD),
        (-4, State.GOOD),
        (30, State.DOUBTFUL),
        (-30, State.DOUBTFUL),
        (600, State.MEND),
    ],
)
def test_a_clock_is_compared_without_the_time_of_asking(seconds: float, state: State) -> None:
    asked, answered = NOON, NOON + timedelta(seconds=1)
    theirs = (answered if seconds > 0 else asked) + timedelta(seconds=seconds)
    assert states(of_clock("Postgres", theirs, asked, answered)) == [state]


def test_a_disk_that_fills_up_is_told_before_it_is_full() -> None:
    rooms = {"a": (50 * GIB, 100 * GIB), "b": (5 * GIB, 100 * GIB), "c": (GIB // 2, 100 * GIB)}
    assert states(of_disk(rooms)) == [State.GOOD, State.DOUBTFUL, State.MEND]


def test_nobody_let_in_and_a_short_password_are_doubtful() -> None:
    revoked = Token("1", "web site", Role.SENDER, None, revoked=True)
    assert states(of_tokens([revoked])) == [State.DOUBTFUL]
    assert states(of_tokens([revoked, revoked._replace(revoked=False)])) == [State.GOOD]
    assert states(of_password("kontaktwerk", "postgres")) == [State.DOUBTFUL]
    assert states(of_password(None, "postgres")) == [State.DOUBTFUL]
    assert states(of_password("kontaktwerk", "127.0.0.1")) == [State.GOOD]
    assert states(of_password("a-long-pass-word", "postgres")) == [State.GOOD]
