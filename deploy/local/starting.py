"""Two ways to start a process of ours: from nothing, or from the nursery, which has imported everything already."""

import asyncio
import itertools
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

from deploy.local.nursery import Born, Ended, Wanted
from deploy.local.processes import MARK, POLL_S, rotate, spawn

NEWS_BYTES_MAX: Final = 4096
"""A ticket or a code, and a number."""

UNKNOWN: Final = -1
"""The exit code of a process whose nursery died before it could tell."""


class Running(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int | None:
        """Its number; None until it is known, which takes the nursery a moment."""
        ...

    def poll(self) -> int | None:
        """How it ended; None while it lives."""
        ...

    def signal(self, number: int) -> None:
        """Send it a signal; one that has ended gets none."""
        ...


class Starter(Protocol):
    """Starts verbs of ours."""

    def start(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
    ) -> Running:
        """Start `services ARGUMENTS` with this environment, its output appended to the log."""
        ...

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        ...


async def ended(process: Running, timeout_s: float) -> bool:
    """Whether it ends within this time."""
    deadline = time.monotonic() + timeout_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


class FromNothing:
    """Every process begins with an interpreter of its own."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = list(command)
        self._folder = folder

    def start(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
    ) -> Running:
        """Start it."""
        del name
        return _Popen(spawn([*self._command, *arguments], self._folder, log, env, pass_fds=pass_fds))

    def close(self) -> None:
        """There is nothing to close."""


class _Popen:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)


class FromNursery:
    """Every process is a fork of one that has imported everything; a nursery that dies is replaced at the next start.

    For Linux: a process that is not our child is watched by its pidfd, whose number nobody else can get.
    """

    def __init__(self, folder: Path, log: Path, env: Mapping[str, str]) -> None:
        self._folder = folder
        self._log = log
        self._env = dict(env)
        self._tickets = itertools.count()
        self._living: dict[int, _Forked] = {}
        self._orphans: list[_Forked] = []
        self._line, self._process = self._open()

    @staticmethod
    def possible() -> bool:
        """Whether this platform can."""
        return hasattr(os, "pidfd_open")

    def start(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()
    ) -> Running:
        """Ask for it; its number comes with a later look."""
        self.listen()
        if self._process.poll() is not None:
            self._line.close()
            self._orphans += self._living.values()
            self._living = {}
            self._line, self._process = self._open()
        rotate(log)
        ticket = next(self._tickets)
        forked = self._living[ticket] = _Forked(self)
        wanted = Wanted(ticket, name, list(arguments), {**env, MARK: str(self._folder)}, list(pass_fds))
        with log.open("ab") as output, suppress(OSError):  # it has just died: the next look finds out
            socket.send_fds(self._line, [msgspec.json.encode(wanted)], [output.fileno(), *pass_fds])
        return forked

    def close(self) -> None:
        """Let the nursery go; what it has forked goes on."""
        self._line.close()
        self._process.terminate()
        self._process.wait()

    def listen(self) -> None:
        """Take in what the nursery has told."""
        with suppress(OSError):
            while told := self._line.recv(NEWS_BYTES_MAX, socket.MSG_DONTWAIT):
                self._heard(msgspec.json.decode(told, type=Born | Ended))
        nobody_tells = self._orphans if self._process.poll() is None else [*self._orphans, *self._living.values()]
        for forked in nobody_tells:
            forked.orphaned()
        self._orphans = [forked for forked in self._orphans if forked.code is None]
        self._living = {ticket: forked for ticket, forked in self._living.items() if forked.code is None}

    def _heard(self, news: Born | Ended) -> None:
        if isinstance(news, Born):
            self._living[news.ticket].born(news.pid)
            return
        for forked in self._living.values():
            forked.ended(news)

    def _open(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        rotate(self._log)
        with theirs, self._log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "deploy.local.nursery"],
                stdin=theirs.fileno(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._env, MARK: str(self._folder)},
                start_new_session=True,
            )
        return ours, process


class _Forked:
    """A process that the nursery was asked for."""

    def __init__(self, nursery: FromNursery) -> None:
        self.code: int | None = None
        self._nursery = nursery
        self._pid: int | None = None
        self._pidfd: int | None = None
        self._wished: int | None = None

    @property
    def pid(self) -> int | None:
        """Its number, once told."""
        if self._pid is None:
            self._nursery.listen()
        return self._pid

    def born(self, pid: int) -> None:
        """It lives under this number."""
        self._pid = pid
        with suppress(ProcessLookupError):  # it has ended already: its end is being told
            self._pidfd = os.pidfd_open(pid)
        if self._wished is not None:
            self.signal(self._wished)

    def ended(self, news: Ended) -> None:
        """Somebody has ended: this one, if it has that number."""
        if news.pid == self._pid:
            self.code = news.code

    def orphaned(self) -> None:
        """The nursery has died: nobody will tell how this one ends."""
        if self.code is None and (self._pidfd is None or _is_over(self._pidfd)):
            self.code = UNKNOWN

    def poll(self) -> int | None:
        """How it ended."""
        self._nursery.listen()
        if self.code is not None and self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return self.code

    def signal(self, number: int) -> None:
        """Send it a signal; one that is not born yet gets it then."""
        if self._pid is None:
            self._wished = number
        elif self._pidfd is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)


def _is_over(pidfd: int) -> bool:
    """A pidfd can be read from once its process has ended."""
    return bool(select.select([pidfd], [], [], 0)[0])
