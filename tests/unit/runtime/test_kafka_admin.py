"""What looks at Kafka from outside, where a broker is in a state that no test can put a real one into at will."""

from typing import Any

import pytest
from aiokafka import errors

from shared.domain.errors import Transient
from shared.runtime.broker import TopicPartition, kafka_admin
from shared.runtime.broker.kafka_admin import KafkaAdmin


class NewBroker:
    """A broker that has one empty partition, and nobody who knows of groups for the first few questions."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        """One partition each."""
        return [{"topic": name, "partitions": [{"partition": 0}]} for name in names]

    async def list_consumer_group_offsets(self, group: str, partitions: list[Any]) -> dict[Any, Any]:  # noqa: ARG002
        """Nothing is committed."""
        if self.refusals:
            self.refusals -= 1
            raise errors.GroupCoordinatorNotAvailableError
        return {}

    async def beginning_offsets(self, positions: list[Any]) -> dict[Any, int]:
        """All begin at 0."""
        return dict.fromkeys(positions, 0)

    end_offsets = beginning_offsets

    def assign(self, positions: list[Any]) -> None:
        """Nothing to read."""

    async def close(self) -> None:
        """Nothing is open."""


def looking_at(broker: NewBroker) -> KafkaAdmin:
    """An admin that is connected to this broker."""
    admin = KafkaAdmin({}, "t-", "g-")
    vars(admin).update(_client=broker, _viewer=broker)
    return admin


async def test_a_new_kafka_that_has_no_coordinator_yet_is_waited_for() -> None:
    backlog = await looking_at(NewBroker(refusals=3)).backlog("dedup", ["contacts"])
    assert backlog[TopicPartition("contacts", 0)].messages == 0


async def test_but_no_longer_than_a_look_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_admin, "LOOK_TIMEOUT_S", 0.3)
    with pytest.raises(Transient):
        await looking_at(NewBroker(refusals=1_000)).backlog("dedup", ["contacts"])
