"""A client of Kafka that is broken for good is no answer 500: the delivery is refused as while Kafka is away, and the
process ends, since only a new one has a client that works.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from services.ingest.settings import IngestSettings
from services.ingest.spool.outlet import Outlet
from shared.runtime.broker import Draft
from shared.runtime.broker.kafka_client import ClientBroken
from shared.runtime.clock import ManualClock
from shared.runtime.http import Problem
from shared.topology import RECEIVED


class Broken:
    """As Kafka's client after a batch of it has expired."""

    async def send(self, _: Any) -> None:
        raise ClientBroken("sending: LeaderNotAvailableError")


async def test_a_broken_client_refuses_with_503_and_ends_the_process() -> None:
    world: Any = SimpleNamespace(clock=ManualClock(), producer=Broken())
    outlet = Outlet(world, IngestSettings())
    (looks,) = outlet.chores()
    await looks.run()
    with pytest.raises(Problem) as refused:
        await outlet.send([Draft(topic=RECEIVED.name, key=b"k", value=b"{}")])
    assert refused.value.status == 503
    with pytest.raises(ClientBroken):
        await looks.run()
