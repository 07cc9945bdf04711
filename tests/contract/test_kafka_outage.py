"""Goal: a broker that is killed and comes back costs time and nothing else.

Method: a Kafka of this test alone, killed with -9 while a producer sends and a consumer reads; started again on the
same folder after some seconds.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.folder import DataFolder
from deploy.local.kafka import Kafka
from shared.domain.errors import Transient
from shared.runtime.broker import Message, Producer, kafka_client
from shared.runtime.broker import kafka as ours
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings
from shared.topology import RECEIVED
from tests.contract.test_broker import after, numbers, said

DOWN_S = 4.0
"""Longer than every reconnect pause of the client, shorter than a session."""


@pytest.fixture
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    folder = DataFolder(Path(tmp_path_factory.mktemp("outage")) / "data")
    with folder.locked():
        engine = Kafka(folder)
        engine.start()
        yield engine
        engine.stop()


async def send_patiently(producer: Producer, numbers: range) -> int:
    """Send each number until it is acknowledged; how often the broker was away."""
    away = 0
    for number in numbers:
        while True:
            try:
                await producer.send([said(number, "one")])
                break
            except Transient:
                away += 1
    return away


async def test_a_broker_killed_and_started_again_loses_nothing_and_keeps_the_order(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "SEND_TIMEOUT_S", 1.0)
    monkeypatch.setattr(kafka_client, "STOP_TIMEOUT_S", 2.0)
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers))
    admin = broker.admin()
    await admin.ensure_topics(3, 1)
    producer, consumer = broker.producer(), broker.consumer("readers", [RECEIVED.name], None)
    await asyncio.gather(producer.start(), consumer.start())
    await send_patiently(producer, range(50))

    process = kafka.process
    assert process is not None
    process.kill()
    process.wait()
    sending = asyncio.create_task(send_patiently(producer, range(50, 100)))
    taken: list[Message] = []
    down_since = time.monotonic()
    while time.monotonic() - down_since < DOWN_S:
        taken += await consumer.take(100, 0.2)
    with pytest.raises(Transient):
        await admin.backlog("readers", [RECEIVED.name])
    late = broker.producer()
    started = time.monotonic()
    with pytest.raises(Transient):
        await late.start()
    assert time.monotonic() - started < kafka_client.START_TIMEOUT_S + 5

    await asyncio.to_thread(kafka.start)
    back = time.monotonic()
    assert await sending > 0, "the broker was never seen to be away"
    async with asyncio.timeout(60):
        while len(set(numbers(taken))) < 100:
            taken += await consumer.take(100, 0.2)
            if taken:
                await consumer.commit(after(taken))
    print(f"everything was there {time.monotonic() - back:.1f} s after the broker was back")
    firsts = list(dict.fromkeys(int(message.value or b"") for message in taken))
    assert firsts == list(range(100))
    backlog = await admin.backlog("readers", [RECEIVED.name])
    assert sum(one.messages for one in backlog.values()) == 0

    process = kafka.process
    assert process is not None
    process.kill()
    process.wait()
    stopping = time.monotonic()
    await asyncio.gather(consumer.stop(), producer.stop(), admin.close())
    assert time.monotonic() - stopping < 15, "stopping hangs while the broker is down"
