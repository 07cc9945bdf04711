"""One process that has imported everything, and becomes any verb of ours by forking.

A service spends two seconds of CPU on imports before its first line; six of them, again after every death, were most of
a start. The nursery pays for it once, while the engines start, and its children share the memory. `python -m services
run dedup` stays what anybody else calls: a child becomes exactly that.

Started by `System` with one end of a socket pair as its stdin. Messages are JSON: `Wanted` in (with file descriptors),
`Born` and `Ended` out. It ends with its supervisor, as its children do not: what a killed supervisor leaves behind is
found by the mark in its environment.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from shared.topology import SERVICES

MESSAGE_BYTES_MAX: Final = 256 * 1024
"""An environment and a few words; Linux allows a socket's buffer of 208 KiB, and refuses more by an error."""

DESCRIPTORS_MAX: Final = 8
"""The log, and the door that ingest shares."""


class Wanted(msgspec.Struct, frozen=True, tag="wanted"):
    """Become `services ARGUMENTS` with exactly this environment; the descriptors come as these numbers."""

    ticket: int
    name: str
    arguments: list[str]
    environment: dict[str, str]
    descriptors: list[int]


class Born(msgspec.Struct, frozen=True, tag="born"):
    """The process of a ticket."""

    ticket: int
    pid: int


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """How it ended: the exit code, or minus the signal."""

    pid: int
    code: int


def main() -> None:
    """Import, then serve; in a child, become what was wanted."""
    for service in SERVICES:
        importlib.import_module(f"services.{service}.service")
    for module in ("uvloop", "shared.commands.topics", "shared.commands.migrate", "shared.runtime.broker.kafka_admin"):
        with suppress(ModuleNotFoundError):  # uvloop is not on every platform
            importlib.import_module(module)
    launcher = importlib.import_module("services.__main__")
    gc.freeze()  # a collection in a child would write to, and so copy, every page that it shares
    wanted = serve(socket.socket(fileno=os.dup(0)))
    if wanted is not None:
        sys.argv = ["kontaktwerk", *wanted.arguments]
        launcher.main()


def serve(line: socket.socket) -> Wanted | None:
    """Fork for everything wanted and tell of every end.

    Returns what to become in a child, None in the nursery when the line closes.
    """
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.settimeout(0)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    line.settimeout(0)
    while True:
        _tell_ends(line, wake)
        try:
            told, received, _flags, _address = socket.recv_fds(line, MESSAGE_BYTES_MAX, DESCRIPTORS_MAX)
        except BlockingIOError:
            select.select([line, wake], [], [])
            continue
        if not told:
            return None
        wanted = msgspec.json.decode(told, type=Wanted)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (line, wake, woken):
                end.close()
            _become(wanted, received)
            return wanted
        for number in received:
            os.close(number)
        line.send(msgspec.json.encode(Born(wanted.ticket, pid)))


def _tell_ends(line: socket.socket, wake: socket.socket) -> None:
    with suppress(BlockingIOError):
        while wake.recv(4096):
            pass
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            with suppress(OSError):  # the supervisor has gone: nobody asks
                line.send(msgspec.json.encode(Ended(pid, os.waitstatus_to_exitcode(status))))


def _become(wanted: Wanted, received: list[int]) -> None:
    """A session, an environment and descriptors of its own: the first received is the log."""
    os.setsid()
    with suppress(OSError):
        Path("/proc/self/comm").write_text(wanted.name)  # what `top` shows
    os.environ.clear()
    os.environ.update(wanted.environment)
    log, *others = (os.dup(number) for number in received)
    for number in received:
        os.close(number)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    for number, place in zip(others, wanted.descriptors, strict=True):
        if number != place:
            os.dup2(number, place, inheritable=True)
            os.close(number)


if __name__ == "__main__":
    main()
