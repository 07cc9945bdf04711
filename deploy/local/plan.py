"""What `up` is going to run: which services, how many of each, by which command, at which addresses."""

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.errors import WrongWishError
from deploy.local.folder import LOOPBACK, DataFolder
from deploy.local.starting import FromNothing, FromNursery, Starter

ROOT = Path(__file__).resolve().parents[2]

SERVICES = ("ingest", "dedup", "validate", "enrich", "rules", "backup")
"""In the order of the path of the data, which is also the order of the shutdown."""

ROLES = ("sender", "reader", "steward", "privacy", "operator")

WORKERS_MAX = 32
"""Of one service. Beyond the partition count (12 unless set otherwise) workers of a stage stand idle anyway."""

WORKERS_USUAL: Final[Mapping[str, int]] = {"dedup": 2}
"""Where nothing else is wished; one of every other service. A single dedup works on one batch at a time and waits for
Postgres a third of it, while everybody else waits for dedup: a second one fills the gaps, which made warm contacts
758 a second instead of 536 on two cores (`EVENTS=12000 RATE=0 WORKERS=dedup=1 make bench`, and without WORKERS)."""

COMMAND: Final = (sys.executable, "-P", "-m", "services")
"""Runs our verbs. -P: a folder where `up` was called must not shadow ours."""

KAFKA_ACCESS = ("KAFKA_SECURITY_PROTOCOL", "KAFKA_SASL_", "KAFKA_SSL_")
"""Variables that say how to reach somebody else's Kafka; the embedded one speaks plainly on loopback."""


@dataclass(frozen=True)
class Plan:
    """The wishes of whoever calls `up`."""

    data: Path
    port: int
    workers: Mapping[str, int] = field(default_factory=dict[str, int])
    command: Sequence[str] = COMMAND
    """Tests put a stand-in here."""
    admit: Callable[[str, Mapping[str, str]], Awaitable[None]] | None = None
    """Makes tokens known to a database; None: as the services do it."""
    restart_pause_s_max: float = 10.0
    """The longest pause before something that dies again and again is started again; recovery is promised in 30 s."""

    def __post_init__(self) -> None:
        """Raises WrongWishError for a service that does not exist or a number of workers that makes no sense."""
        for service, count in self.workers.items():
            if service not in SERVICES:
                raise WrongWishError(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
            if not 1 <= count <= WORKERS_MAX:
                raise WrongWishError(f"{count} workers of {service}: possible are 1 to {WORKERS_MAX}")

    def starter(self, folder: DataFolder) -> Starter:
        """What starts our verbs: the nursery where it can be, and where nobody has put a stand-in."""
        if self.command is COMMAND and FromNursery.possible():
            return FromNursery(folder.path, folder.logs / "nursery.log", ours(os.environ))
        return FromNothing(self.command, folder.path)

    def instances(self) -> list[tuple[str, str]]:
        """Service and name of every child process; the name is stable and unique in this folder."""
        wished = {**WORKERS_USUAL, **self.workers}
        return [(service, f"{service}-{n + 1}") for service in SERVICES for n in range(wished.get(service, 1))]


def owners(ports: Mapping[str, int], plan: Plan) -> str:
    """Who answers for each service and where: `dedup=http://… http://…;validate=http://…`."""
    lines: dict[str, list[str]] = {}
    for service, name in plan.instances():
        lines.setdefault(service, []).append(f"http://{LOOPBACK}:{ports[name]}")
    return ";".join(f"{service}={' '.join(urls)}" for service, urls in lines.items())


def environment(inherited: Mapping[str, str], kafka: str, database: str, *, embedded_kafka: bool) -> dict[str, str]:
    """What every child finds in its environment: ours, the engines, and where our packages lie."""
    kept = {key: value for key, value in inherited.items() if not (embedded_kafka and key.startswith(KAFKA_ACCESS))}
    return {
        "KONTAKTWERK_CONFIG_DIR": str(ROOT / "deploy" / "config"),  # wherever `up` was called from
        **ours(kept),
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "DATABASE_URL": database,
    }


def ours(inherited: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Python finds our packages."""
    path = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
    return {
        **inherited,
        "PYTHONPATH": ":".join(dict.fromkeys(path)),
        "PYTHONUNBUFFERED": "1",  # the last line before a crash is the one that explains it
    }


def pause_s(deaths_in_a_row: int, pause_s_max: float) -> float:
    """How long to wait before starting something again: at once after a first death, then growing."""
    if deaths_in_a_row <= 1:
        return 0.0
    return min(pause_s_max, 0.5 * 2.0 ** (deaths_in_a_row - 2))
