"""endpoints.json: how other commands and programs find a running system, and with which tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.folder import write_private


@dataclass(frozen=True)
class Endpoints:
    """The content of the file; the pids are those of living processes only."""

    http: str
    kafka: str
    database: str
    tokens: Mapping[str, str]
    pids: Mapping[str, int | Sequence[int]]


class EndpointsFile:
    """The file in the data folder: there while the system is ready, and always whole."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "endpoints.json"
        self._written: Endpoints | None = None

    def write(self, endpoints: Endpoints) -> None:
        """Replace the file atomically if anything has changed."""
        if endpoints == self._written:
            return
        content = {
            "http": endpoints.http,
            "kafka": endpoints.kafka,
            "database": endpoints.database,
            "tokens": dict(endpoints.tokens),
            "pids": dict(endpoints.pids),
        }
        write_private(self.path, json.dumps(content, indent=2) + "\n")
        self._written = endpoints

    def remove(self) -> None:
        """Nobody shall find a system that is not there."""
        self.path.unlink(missing_ok=True)
        self._written = None
