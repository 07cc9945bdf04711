"""What `doctor` thinks of what it found: each thing is good, doubtful or to be mended, and how. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from shared.commands.reaching import Unreachable
from shared.runtime.access import Token
from shared.runtime.broker.kafka_admin import Cluster, settings_for
from shared.runtime.database import Server
from shared.topology import TOPICS

POSTGRES_MIN: Final = 150_000
"""Version 15, as Postgres counts; `NULLS NOT DISTINCT` came with it."""

KAFKA_MIN: Final = (3, 7)
"""The oldest that the contract names."""

LOCKS_MIN: Final = 512
"""`max_locks_per_transaction`: dedup locks every blocking key of a batch, up to some thousands at once."""

SKEW_DOUBTFUL_S: Final = 5.0
"""Clocks kept by NTP differ by milliseconds; seconds mean that nobody keeps one of them."""

SKEW_MAX_S: Final = 300.0
"""From five minutes on, what a sender calls now counts as the future and is replaced by the arrival."""

DISK_MIN_BYTES: Final = 1 << 30
"""Below a gigabyte a day's log of a busy list no longer fits."""

DISK_DOUBTFUL: Final = 0.1
"""The free share below which somebody should plan."""

SECRET_LENGTH_MIN: Final = 12
"""Shorter passwords are guessed; the default of `docker-compose.yml` is shorter."""


LOCAL: Final = frozenset({None, "", "localhost", "127.0.0.1", "::1"})
"""Hosts that only this machine reaches."""


class State(StrEnum):
    """How a thing is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    MEND = "mend"


class Check(NamedTuple):
    """One thing that was looked at: what was found, and what to do (empty when it is good)."""

    name: str
    state: State
    found: str
    remedy: str = ""


def of_kafka(cluster: Cluster, replication_factor: int) -> list[Check]:
    """Is it new enough, and are there brokers enough for the copies that are configured?"""
    spoken = cluster.protocol
    version = "4.0 or newer" if spoken is None else spoken.partition("-")[0]
    old = spoken is not None and tuple(int(part) for part in version.split(".")[:2]) < KAFKA_MIN
    found = f"{cluster.brokers} broker{'s' if cluster.brokers > 1 else ''}, version {version}"
    if old:
        return [Check("kafka", State.MEND, found, "upgrade Kafka to 3.7 or newer")]
    if cluster.brokers < replication_factor:
        wanted = f"KONTAKTWERK_REPLICATION_FACTOR asks for {replication_factor} copies: add brokers, or ask for fewer"
        return [Check("kafka", State.MEND, found, wanted)]
    return [Check("kafka", State.GOOD, found)]


def of_topics(cluster: Cluster, partitions: int, replication_factor: int) -> list[Check]:
    """Is every topic there, with the partitions, copies and settings that it must have?"""
    missing = [topic.name for topic in TOPICS if topic.name not in cluster.topics]
    if missing:
        return [Check("topics", State.MEND, f"{', '.join(missing)} missing", "make them: kontaktwerk topics")]
    counts = {name: there.partitions for name, there in cluster.topics.items() if there.partitions != partitions}
    if counts:
        found = ", ".join(f"{name} has {count} partitions" for name, count in sorted(counts.items()))
        there = next(iter(counts.values()))
        remedy = f"set KONTAKTWERK_PARTITIONS={there} (it never changes), or make others: KONTAKTWERK_TOPIC_PREFIX"
        return [Check("topics", State.MEND, found, remedy)]
    doubtful = [*_too_few_copies(cluster, replication_factor), *_other_settings(cluster, replication_factor)]
    if doubtful:
        return doubtful
    return [Check("topics", State.GOOD, f"{len(TOPICS)} topics of {partitions} partitions, as they must be")]


def _too_few_copies(cluster: Cluster, replication_factor: int) -> list[Check]:
    few = sorted(name for name, there in cluster.topics.items() if there.copies < replication_factor)
    remedy = "add copies with kafka-reassign-partitions.sh: whoever is acknowledged must survive a broker"
    found = f"fewer than {replication_factor} copies of {', '.join(few)}"
    return [Check("topics", State.MEND, found, remedy)] if few else []


def _other_settings(cluster: Cluster, replication_factor: int) -> list[Check]:
    differing = [
        (topic.name, name, value)
        for topic in TOPICS
        for name, value in settings_for(topic, replication_factor).items()
        if cluster.topics[topic.name].settings.get(name) != value
    ]
    return [
        Check("topics", State.MEND, f"{topic} has another {name} than {value}",
              f"kafka-configs.sh --alter --topic {topic} --add-config {name}={value}")
        for topic, name, value in differing
    ]  # fmt: skip


def of_postgres(server: Server) -> list[Check]:
    """Is it new enough, and does it let a transaction take the locks that dedup needs?"""
    version = f"{server.version // 10_000}.{server.version % 10_000}"
    found = f"version {version}, {server.connections} connections, {server.locks_per_transaction} locks a transaction"
    if server.version < POSTGRES_MIN:
        return [Check("postgres", State.MEND, found, "upgrade Postgres to 15 or newer")]
    if server.locks_per_transaction < LOCKS_MIN:
        remedy = f"set max_locks_per_transaction = {LOCKS_MIN} in postgresql.conf and restart Postgres"
        return [Check("postgres", State.MEND, found, remedy)]
    return [Check("postgres", State.GOOD, found)]


def of_tables(present: str | None, needed: str) -> list[Check]:
    """Are the tables those of this release?"""
    if present is None or present < needed:
        found = "there are no tables" if present is None else f"tables are at revision {present}, not yet {needed}"
        return [Check("tables", State.MEND, found, "make or upgrade them: kontaktwerk migrate")]
    if present > needed:
        remedy = "a later release made them; this one works on, but should be upgraded too"
        return [Check("tables", State.DOUBTFUL, f"revision {present}, newer than our {needed}", remedy)]
    return [Check("tables", State.GOOD, f"revision {present}")]


def of_reach(unreachable: Sequence[Unreachable]) -> list[Check]:
    """What would not be called, though it is configured."""
    return [Check("configuration", State.DOUBTFUL, one.found, one.remedy) for one in unreachable]


def of_clock(name: str, theirs: datetime, asked: datetime, answered: datetime) -> list[Check]:
    """Does another clock show what ours does, give or take the time of asking?"""
    beyond = max(asked - theirs, theirs - answered, timedelta(0)).total_seconds()
    found = f"{name} differs from here by {beyond:.1f} s" if beyond else f"{name} shows the same time"
    if beyond < SKEW_DOUBTFUL_S:
        return [Check("clock", State.GOOD, found)]
    remedy = "set both machines' clocks by NTP (chrony, systemd-timesyncd)"
    return [Check("clock", State.MEND if beyond >= SKEW_MAX_S else State.DOUBTFUL, found, remedy)]


def of_disk(free: Mapping[str, tuple[int, int]]) -> list[Check]:
    """Is there room? By folder: free bytes and all bytes."""
    return [_room(folder, free_bytes, total) for folder, (free_bytes, total) in free.items()]


def _room(folder: str, free: int, total: int) -> Check:
    found = f"{folder}: {free / (1 << 30):,.1f} of {total / (1 << 30):,.1f} GiB free"
    if free < DISK_MIN_BYTES:
        return Check("disk", State.MEND, found, "make room: a full disk stops Kafka and Postgres for good")
    if free < total * DISK_DOUBTFUL:
        return Check("disk", State.DOUBTFUL, found, "make room before the next busy week")
    return Check("disk", State.GOOD, found)


def of_tokens(tokens: Sequence[Token]) -> list[Check]:
    """Is anybody let in?"""
    valid = sum(not token.revoked for token in tokens)
    if not valid:
        remedy = "make one: kontaktwerk tokens create --role sender"
        return [Check("secrets", State.DOUBTFUL, "there is no token: nobody is let in", remedy)]
    return [Check("secrets", State.GOOD, f"{valid} token{'s' if valid > 1 else ''}")]


def of_password(password: str | None, host: str | None) -> list[Check]:
    """Is the way to Postgres, where others may walk it too, closed by a password that nobody guesses?"""
    if host in LOCAL or (password is not None and len(password) >= SECRET_LENGTH_MIN):
        return [Check("secrets", State.GOOD, "Postgres is closed to strangers")]
    found = "Postgres on another host is open" if password is None else "the password of Postgres is short"
    remedy = (
        f"choose one of {SECRET_LENGTH_MIN} characters or more, there and in DATABASE_URL (compose: POSTGRES_PASSWORD)"
    )
    return [Check("secrets", State.DOUBTFUL, found, remedy)]
