"""Where a running system is found: its address, a token, its engines. And the two ways in which a verb says no."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

DEFAULT_DATA: Final = Path(".local/data")
"""Where `up` keeps its data unless told otherwise (contract section 1)."""

URL_VARIABLE: Final = "KONTAKTWERK_URL"
TOKEN_VARIABLE: Final = "KONTAKTWERK_TOKEN"  # noqa: S105 (the name of a variable)
KAFKA_VARIABLE: Final = "KAFKA_BOOTSTRAP_SERVERS"
DATABASE_VARIABLE: Final = "DATABASE_URL"


class Failed(Exception):
    """The verb could not do it: one line on stderr, exit code 1. The text names no person's data."""


class WrongUsage(Exception):
    """The verb was called in a way that makes no sense: one line on stderr, exit code 2."""


class Kafka(NamedTuple):
    """Where Kafka answers; an embedded one speaks plainly, whatever the environment says about somebody else's."""

    bootstrap_servers: str
    embedded: bool


class _File(msgspec.Struct, frozen=True):
    """The part of `endpoints.json` that verbs need."""

    http: str
    kafka: str
    database: str
    tokens: Mapping[str, str]
    pids: Mapping[str, Any] = {}


class Running:
    """A running system, as far as it is known; what is asked for and not known raises Failed with what to do.

    `data` given: its `endpoints.json`, nothing else. Not given: the environment, then `.local/data`.
    """

    def __init__(self, data: Path | None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._named = data is not None
        self.folder = data or DEFAULT_DATA
        self._path = self.folder / "endpoints.json"

    def http(self) -> str:
        """The one address, without a slash at the end."""
        return (self._variable(URL_VARIABLE) or self._file(URL_VARIABLE).http).rstrip("/")

    def token(self, *roles: str) -> str:
        """A token of the first of these roles that there is."""
        if (said := self._variable(TOKEN_VARIABLE)) is not None:
            return said
        tokens = self._file(TOKEN_VARIABLE).tokens
        for role in roles:
            if role in tokens:
                return tokens[role]
        raise Failed(f"{self._path} holds no token of role {' or '.join(roles)}")

    def kafka(self) -> Kafka:
        """Where Kafka answers."""
        if (said := self._variable(KAFKA_VARIABLE)) is not None:
            return Kafka(said, embedded=False)
        file = self._file(KAFKA_VARIABLE)
        return Kafka(file.kafka, embedded="kafka" in file.pids)

    def database(self) -> str:
        """The URL of Postgres. Raises Failed for what is none, which would else be asked again and again."""
        url = self._variable(DATABASE_VARIABLE) or self._file(DATABASE_VARIABLE).database
        if not url.startswith(("postgresql://", "postgres://")):
            raise Failed(f"{DATABASE_VARIABLE} begins with postgresql://")
        return url

    def _variable(self, name: str) -> str | None:
        return None if self._named else self._environment.get(name) or None

    def _file(self, variable: str) -> _File:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File)
        except FileNotFoundError:
            raise Failed(
                f"no running system: {self._path} is not there; start one with `kontaktwerk up`, "
                f"name its folder with --data, or set {variable}"
            ) from None
        except (OSError, msgspec.DecodeError) as error:
            raise Failed(f"{self._path} cannot be read ({type(error).__name__})") from None


def print_json(value: Any) -> None:
    """One JSON document on stdout, for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2))
