"""What a service is made of, and the world it is given; `service.py` runs the one in the other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter

from shared.domain.configuration import Configuration
from shared.runtime.broker import Admin, Broker, Producer
from shared.runtime.clock import Clock, Ids
from shared.runtime.database import Database
from shared.runtime.settings import Settings
from shared.runtime.stage import Stage
from shared.runtime.telemetry import Measure


async def nothing_newer() -> None:
    """For a world whose configuration nobody changes."""


@dataclass(slots=True)
class World:
    """Everything outside a service, chosen by the launcher: a service cannot tell a laptop from a cluster.

    `configuration` is the revision that this process uses. The runtime replaces it: whoever needs it reads it when
    it is needed. `catch_up` takes up the newest revision now.
    """

    settings: Settings
    configuration: Configuration
    broker: Broker
    producer: Producer
    admin: Admin
    database: Database
    clock: Clock
    ids: Ids
    catch_up: Callable[[], Awaitable[None]] = nothing_newer


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that recurs: run every so many seconds by the runtime, retried after Transient, never overlapping itself."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


def nothing_to_adopt(configuration: Configuration) -> None:
    """For a service that reads the configuration of its world whenever it needs it."""


async def nothing_pending() -> Mapping[str, int]:
    """For a service whose tables hold no work that is due."""
    return {}


@dataclass(frozen=True, slots=True)
class Service:
    """One service, ready to run: its stage, its API, its chores, and what of its work still lies in tables.

    `pending` counts by name what is due now and not yet said (outbox, unsaid, refreshes): `status` adds it to the lag.
    `adopt` takes up a newer configuration, at once, between two steps of whatever waits: what is under way ends by the
    one it began with. `open` and `close` surround everything. `ready_while_waiting` is for a front door that goes on
    taking deliveries while its stage waits for Kafka or Postgres; where it can keep them it `begins_without_kafka` too.
    `measures` are metrics of its own.
    """

    name: str
    stage: Stage | None
    routers: Sequence[APIRouter] = ()
    chores: Sequence[Chore] = ()
    pending: Callable[[], Awaitable[Mapping[str, int]]] = nothing_pending
    open: Sequence[Callable[[], Awaitable[None]]] = field(default=())
    close: Sequence[Callable[[], Awaitable[None]]] = field(default=())
    adopt: Callable[[Configuration], None] = nothing_to_adopt
    ready_while_waiting: bool = False
    begins_without_kafka: bool = False
    measures: Sequence[Measure] = ()
