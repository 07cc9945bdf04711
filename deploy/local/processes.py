"""Child processes of one data folder: starting them, and finding them again after a supervisor that was killed."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from deploy.local.errors import CannotRunError

MARK = "KONTAKTWERK_CHILD_OF"
"""In the environment of every child: the data folder it belongs to. A process can be found by it even if its
supervisor was killed between starting it and writing down its number."""

SERVER_NAME = "postgres"
"""The one kind of child that hides its environment."""

LOG_BYTES_MAX = 8 * 1024 * 1024
"""A log larger than this is put aside at the next start; one older generation is kept."""

POLL_S = 0.05
"""How often a starting or stopping server is asked; small against the second it takes."""


def spawn(
    command: Sequence[str],
    folder: Path,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child of the stack in `folder`, its output appended to `log`.

    It gets a session of its own, so that Ctrl-C on the terminal reaches the supervisor alone and the order of the
    shutdown is the supervisor's.
    """
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**env, MARK: str(folder)},
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )


def rotate(log: Path) -> None:
    """Put a log aside that has grown large."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".old.log"))


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error that quotes them."""
    try:
        text = log.read_bytes()[-8_192:].decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, timeout_s: float
) -> None:
    """Return once `ready` says so; raise CannotRunError with the end of the log if the process dies or is too slow."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise CannotRunError(f"{name} ended with {process.returncode} while starting; {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise CannotRunError(f"{name} was not ready within {timeout_s:.0f} s; {log}:\n{tail(log)}")
        time.sleep(POLL_S)


def strays(folder: Path, servers_in: Iterable[Path] = ()) -> list[psutil.Process]:
    """Living processes that an earlier stack of this folder left behind, never ourselves.

    A process is ours if its environment carries the folder's mark, or if it is a Postgres (which overwrites its
    environment with its title) that works in one of `servers_in`.
    """
    ourselves = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    workplaces = {str(place) for place in servers_in}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in ourselves and _belongs(process, str(folder), workplaces)
    ]


def _belongs(process: psutil.Process, folder: str, workplaces: set[str]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.name() == SERVER_NAME and workplaces:
            return process.cwd() in workplaces
        return process.environ().get(MARK) == folder
    except (psutil.Error, OSError):
        return False  # gone meanwhile, or another user's, which ours never are


def end(processes: Sequence[psutil.Process], patience_s: float) -> None:
    """Ask processes to end, and after `patience_s` make them."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience_s)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience_s)
