"""The data folder: where one local stack keeps its data, ports, secrets and logs, and finds them again."""

import contextlib
import fcntl
import json
import os
import random
import secrets
import socket
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import cast

from deploy.local.errors import CannotRunError

LOOPBACK = "127.0.0.1"

FIRST_PORT, LAST_PORT = 18_000, 31_999
"""Below the range from which the kernel draws ports for outgoing connections: a client that keeps trying to reach a
dead server there may be given that very port, connect to itself and keep the server from coming back."""

PORT_ATTEMPTS = 200
"""So many ports taken in a row means that something other than chance is wrong."""

PATH_BYTES_MAX = 3_500
"""Linux takes 4,096 bytes a path; Kafka and Postgres add theirs below the folder."""

OPEN_TO_PASS = 0o711
"""Postgres may run as another user than the one who started it and must pass through; nobody need list."""

PRIVATE = 0o700
"""Logs, secrets and topics hold personal data."""


class DataFolder:
    """One folder, one stack: subfolders, stable ports, secrets and the lock."""

    def __init__(self, path: Path) -> None:
        """Raises CannotRunError where no folder can be made or no server could live."""
        self.path = Path(os.path.realpath(path))
        _refuse_odd(self.path)
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True, mode=OPEN_TO_PASS)
                self.path.chmod(OPEN_TO_PASS)
            self.logs = self._private("logs")
            self.run = self._private("run")
        except OSError as error:
            raise CannotRunError(f"cannot use {self.path} as data folder: {error.strerror}") from error

    def _private(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(mode=PRIVATE, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder for this process; released by the kernel whatever happens to us."""
        with (self.run / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CannotRunError(
                    f"another kontaktwerk is running in {self.path}; stop it, or choose another folder with --data"
                ) from error
            yield

    def port(self, name: str) -> int:
        """The port of `name` in this folder: the one of last time unless somebody else has taken it since."""
        ports = self._ports()
        if name not in ports or not is_free(ports[name]):
            ports[name] = free_port(taken=ports.values())
            write_private(self.run / "ports.json", json.dumps(ports, indent=2))
        return ports[name]

    def _ports(self) -> dict[str, int]:
        try:
            return cast("dict[str, int]", json.loads((self.run / "ports.json").read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            return {}

    def secret(self, name: str) -> str:
        """A random secret of this folder, made at the first asking."""
        file = self.run / f"{name}.secret"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(24))
        return file.read_text(encoding="utf-8")


def _refuse_odd(path: Path) -> None:
    text = str(path)
    if any(ord(character) < ord(" ") for character in text):
        raise CannotRunError(f"the path of the data folder contains a control character: {text!r}; choose another")
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CannotRunError(f"the path of the data folder is not UTF-8: {text!r}; choose another") from error
    if len(encoded) > PATH_BYTES_MAX:
        raise CannotRunError(f"the path of the data folder has {len(encoded)} bytes, at most {PATH_BYTES_MAX} work")
    if path.exists() and not path.is_dir():
        raise CannotRunError(f"{path} is not a folder; choose another with --data")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A port that is free now and not among `taken`; drawn at random, so that two stacks hardly choose the same."""
    avoid = set(taken)
    for _ in range(PORT_ATTEMPTS):
        port = random.randint(FIRST_PORT, LAST_PORT)  # noqa: S311 - no secret
        if port not in avoid and is_free(port):
            return port
    raise CannotRunError(f"no free port found between {FIRST_PORT} and {LAST_PORT} on {LOOPBACK}")


def write_private(file: Path, text: str) -> None:
    """Replace a file atomically, readable by its owner only."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
