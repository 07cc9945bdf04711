"""Kafka from outside a group: making topics, measuring how far a group is behind, looking at one message."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import AIOKafkaConsumer, errors, structs
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.domain.errors import Transient
from shared.runtime.broker import Backlog, Message, TopicPartition
from shared.runtime.broker.kafka_client import TOPIC_BYTES_MAX, message_of, stopped
from shared.topology import TOPICS, Topic

T = TypeVar("T")

LOOK_TIMEOUT_S: Final = 5.0
"""Looking must not hang `status`: what does not answer within this counts as away."""

LOOK_BYTES_MAX: Final = 64 * 1024
"""One message a partition is looked at; a broker sends its first batch whole, however large."""

ASK_AGAIN_S: Final = 0.1
"""Kafka does something that takes it a moment; asked so often, nobody notices that it was waited for."""

CREATE_TIMEOUT_S: Final = 30.0
"""A dozen topics of a dozen partitions take a new broker a second or two."""

_EXISTS: Final = 36
"""The protocol's error code TOPIC_ALREADY_EXISTS: another process was faster."""


SAFE_COPIES_MIN: Final = 3
"""From so many copies on, a write must reach two: one broker may be lost, and nothing acknowledged with it."""


class TopicThere(NamedTuple):
    """A topic as it is: the fewest copies any of its partitions has, and those of its settings that we set."""

    partitions: int
    copies: int
    settings: Mapping[str, str]


class Cluster(NamedTuple):
    """Kafka as it is. `protocol`: what its brokers speak among themselves, such as 3.7; None from 4.0 on."""

    brokers: int
    protocol: str | None
    topics: Mapping[str, TopicThere]


def settings_for(topic: Topic, replication_factor: int) -> dict[str, str]:
    """With which settings a topic is made."""
    safe = {"min.insync.replicas": "2"} if replication_factor >= SAFE_COPIES_MIN else {}
    return {**dict(topic.settings), **safe, "max.message.bytes": str(TOPIC_BYTES_MAX)}


class KafkaAdmin:
    """Looks at the log; connects when first asked, and again after something went wrong."""

    def __init__(self, connected: Mapping[str, Any], topic_prefix: str, group_prefix: str) -> None:
        self._connected = dict(connected)
        self._topic_prefix = topic_prefix
        self._group_prefix = group_prefix
        self._client: Any = None
        self._viewer: Any = None
        self._one_at_a_time = asyncio.Lock()

    async def ensure_topics(self, partitions: int, replication_factor: int) -> None:
        """Create what of the topology is missing, and wait until it is known. Raises as the port says."""
        await self._patiently(CREATE_TIMEOUT_S, lambda: self._ensure(partitions, replication_factor))

    async def cluster(self) -> Cluster:
        """Kafka and what it has of our topics. Raises Transient when it cannot be asked."""
        return await self._patiently(LOOK_TIMEOUT_S, self._cluster)

    async def backlog(self, group: str, topics: Sequence[str]) -> Mapping[TopicPartition, Backlog]:
        """What a group has not committed, for every partition of these topics. Raises Transient when unknowable."""
        return await self._patiently(LOOK_TIMEOUT_S, lambda: self._backlog(self._group_prefix + group, topics))

    async def read(self, position: TopicPartition, offset: int) -> Message | None:
        """One message by its position, None when it is gone or not yet there."""
        return await self._patiently(LOOK_TIMEOUT_S, lambda: self._read(position, offset))

    async def close(self) -> None:
        """Let the connections go."""
        for client in (self._client, self._viewer):
            if client is not None:
                await (stopped(client) if hasattr(client, "stop") else client.close())
        self._client = self._viewer = None

    async def _patiently(self, timeout_s: float, look: Callable[[], Awaitable[T]]) -> T:
        """Look, one at a time; what is away becomes Transient, and the next one connects anew."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._connect()
                    return await look()
            except (errors.KafkaError, OSError, TimeoutError) as error:
                await self.close()
                raise Transient(type(error).__name__) from error

    async def _connect(self) -> None:
        if self._client is None:
            client = AIOKafkaAdminClient(**self._connected, client_id="kontaktwerk")
            await client.start()
            self._client = client
        if self._viewer is None:
            viewer = AIOKafkaConsumer(
                **self._connected,
                client_id="kontaktwerk",
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=LOOK_BYTES_MAX,
            )
            self._viewer = viewer
            await viewer.start()

    async def _ensure(self, partitions: int, replication_factor: int) -> None:
        wanted = {self._topic_prefix + topic.name: topic for topic in TOPICS}
        present = await self._present(wanted)
        missing = [
            NewTopic(
                name=name,
                num_partitions=partitions,
                replication_factor=replication_factor,
                topic_configs=settings_for(topic, replication_factor),
            )
            for name, topic in wanted.items()
            if name not in present
        ]
        if missing:
            answer = await self._client.create_topics(missing)
            for name, code, *_ in answer.topic_errors:
                if code not in (0, _EXISTS):
                    raise ValueError(f"topic {name} cannot be made: {errors.for_code(code).__name__}")
        while len(present) < len(wanted):
            await asyncio.sleep(ASK_AGAIN_S)
            present = await self._present(wanted)
        if missing:
            await self._serving(present)
        for name, count in present.items():
            if count != partitions:
                raise ValueError(
                    f"topic {name} has {count} partitions, and {partitions} are configured (KONTAKTWERK_PARTITIONS): "
                    "the number cannot change, since keys would move to other partitions"
                )

    async def _serving(self, present: Mapping[str, int]) -> None:
        """Wait until every leader answers.

        The log names leaders before they know it themselves; whoever joins a group in between is rebalanced soon after.
        """
        await self._viewer.end_offsets(
            [structs.TopicPartition(name, number) for name, count in present.items() for number in range(count)]
        )

    async def _cluster(self) -> Cluster:
        names = {self._topic_prefix + topic.name: topic for topic in TOPICS}
        brokers = (await self._client.describe_cluster())["brokers"]
        described = [one for one in await self._client.describe_topics() if one["topic"] in names]
        asked = {name: list(settings_for(topic, SAFE_COPIES_MIN)) for name, topic in names.items()}
        settings = await self._settings(
            ConfigResourceType.TOPIC, {one["topic"]: asked[one["topic"]] for one in described}
        )
        spoken = await self._settings(
            ConfigResourceType.BROKER, {str(brokers[0]["node_id"]): ["inter.broker.protocol.version"]}
        )
        return Cluster(
            brokers=len(brokers),
            protocol=next((value for one in spoken.values() for value in one.values()), None),
            topics={
                one["topic"].removeprefix(self._topic_prefix): TopicThere(
                    partitions=len(one["partitions"]),
                    copies=min((len(part["replicas"]) for part in one["partitions"]), default=0),
                    settings=settings.get(one["topic"], {}),
                )
                for one in described
            },
        )

    async def _settings(self, kind: Any, asked: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
        """The settings asked for, by resource; what a resource does not know is left out."""
        if not asked:
            return {}
        resources = [ConfigResource(kind, name, configs=dict.fromkeys(keys)) for name, keys in asked.items()]
        answers = await self._client.describe_configs(resources)
        return {
            resource["resource_name"]: {
                entry["config_names"]: entry["config_value"] for entry in resource["config_entries"]
            }
            for answer in answers
            for resource in answer.to_object()["resources"]
        }

    async def _present(self, wanted: Mapping[str, Any]) -> dict[str, int]:
        """The partition counts of those that exist, every partition with a leader."""
        described = await self._client.describe_topics()
        return {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if topic["topic"] in wanted and all(one["leader"] >= 0 for one in topic["partitions"])
        }

    async def _backlog(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, Backlog]:
        positions = [
            structs.TopicPartition(topic["topic"], one["partition"])
            for topic in await self._client.describe_topics([self._topic_prefix + name for name in topics])
            for one in topic["partitions"]
        ]
        known = {self._topic_prefix + name for name in topics} - {one.topic for one in positions}
        if known:
            raise Transient(f"{len(known)} topics are missing")
        committed = await self._committed(group, positions)
        starts = await self._viewer.beginning_offsets(positions)
        ends = await self._viewer.end_offsets(positions)
        begins = {one: max(starts[one], committed[one].offset if one in committed else -1) for one in positions}
        behind = {one: max(0, ends[one] - begins[one]) for one in positions}
        oldest = await self._oldest({one: begins[one] for one in positions if behind[one]})
        return {
            TopicPartition(one.topic.removeprefix(self._topic_prefix), one.partition): Backlog(
                messages=behind[one], oldest_ms=oldest.get(one), end=ends[one]
            )
            for one in positions
        }

    async def _committed(self, group: str, positions: Sequence[Any]) -> Mapping[Any, Any]:
        """What a group has committed. A new Kafka makes its table of offsets when it is first asked for one, and has
        nobody who knows of groups until then: waited for, as long as a look may take.
        """
        while True:
            try:
                return dict(await self._client.list_consumer_group_offsets(group, partitions=positions))
            except errors.GroupCoordinatorNotAvailableError:
                await asyncio.sleep(ASK_AGAIN_S)

    async def _oldest(self, begins: Mapping[Any, int]) -> dict[Any, int]:
        """The timestamp of the first message from each of these offsets on, as far as they come in time.

        One message a partition is asked for: parsing all that a fetch brings took 0.4 s of CPU where this takes 0.02.
        """
        found: dict[Any, int] = {}
        self._assign(begins)

        async def first(position: Any) -> None:
            found[position] = (await self._viewer.getone(position)).timestamp

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_TIMEOUT_S / 2):
                await asyncio.gather(*(first(position) for position in begins))
        return found

    async def _read(self, position: TopicPartition, offset: int) -> Message | None:
        place = structs.TopicPartition(self._topic_prefix + position.topic, position.partition)
        known = await self._client.describe_topics([place.topic])
        if not any(one["partition"] == place.partition for topic in known for one in topic["partitions"]):
            return None
        start, end = (
            (await self._viewer.beginning_offsets([place]))[place],
            (await self._viewer.end_offsets([place]))[place],
        )
        if not start <= offset < end:
            return None
        self._assign({place: offset})
        fetched = await self._viewer.getmany(place, timeout_ms=int(LOOK_TIMEOUT_S * 1000), max_records=1)
        records = fetched.get(place, [])
        return message_of(records[0], self._topic_prefix) if records and records[0].offset == offset else None

    def _assign(self, offsets: Mapping[Any, int]) -> None:
        if not offsets:
            return
        self._viewer.assign(list(offsets))
        for position, offset in offsets.items():
            self._viewer.seek(position, offset)
