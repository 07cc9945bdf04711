"""The engine of `up`: cleans up after a killed predecessor and runs the system until it is asked to stop."""

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from deploy.local.endpoints import Endpoints, EndpointsFile
from deploy.local.errors import CannotRunError, WrongWishError
from deploy.local.folder import DataFolder
from deploy.local.plan import Plan
from deploy.local.postgres import home_of
from deploy.local.processes import end, strays
from deploy.local.screen import Screen
from deploy.local.system import System

STALE_PATIENCE_S = 15.0
"""What a killed supervisor left behind may finish its batch, but not keep the next start waiting."""

DONE, FAILED, WRONG_USAGE, KILLED = 0, 1, 2, 130
"""Exit codes: drained; could not run; never could; ended by force at the second signal."""

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The last one is a terminal that was closed."""


def run_up(data: Path, port: int, workers: Mapping[str, int]) -> int:
    """Run the whole system in the foreground until SIGTERM or Ctrl-C; returns the exit code.

    Blocks. What went wrong stands on stderr, in a sentence that says what to do.
    """
    screen = Screen()
    try:
        return asyncio.run(up(Plan(data, port, workers), screen))
    except CannotRunError as error:
        screen.text(f"kontaktwerk up: {error}")
        return WRONG_USAGE if isinstance(error, WrongWishError) else FAILED


async def up(plan: Plan, screen: Screen) -> int:
    """The same for callers with a loop of their own; raises CannotRunError. Takes over the stop signals."""
    folder = DataFolder(plan.data)
    with folder.locked():
        stop = _stop_signals(folder)
        await _clean(folder, screen)
        system = System(plan, folder, screen)
        try:
            return await _until_asked(system, stop, folder, screen)
        finally:
            await system.stop()
            await asyncio.to_thread(end, strays(folder.path, [home_of(folder.path)]), STALE_PATIENCE_S)
            screen.step("stopped", "nothing is left running")


async def _until_asked(system: System, stop: asyncio.Event, folder: DataFolder, screen: Screen) -> int:
    screen.title(f"Kontaktwerk in {folder.path}")
    asked = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(system.start())
    await asyncio.wait([asked, starting], return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        await _cancelled(starting)
        return DONE
    _greet(starting.result(), system.endpoints_file.path, folder, screen)
    watching = asyncio.create_task(system.watch())
    await asyncio.wait([asked, watching], return_when=asyncio.FIRST_COMPLETED)
    if watching.done():
        asked.cancel()
        watching.result()  # never returns: raises what went wrong
    await _cancelled(watching)
    screen.title("stopping")
    return DONE


async def _cancelled(task: asyncio.Task[Endpoints] | asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, CannotRunError):
        await task


def _stop_signals(folder: DataFolder) -> asyncio.Event:
    """An event that the first stop signal sets; the second one kills everything at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            EndpointsFile(folder.path).remove()
            end(strays(folder.path, [home_of(folder.path)]), patience_s=0)
            sys.stderr.flush()
            os._exit(KILLED)
        stop.set()

    for number in STOPS:
        loop.add_signal_handler(number, on_signal)
    return stop


async def _clean(folder: DataFolder, screen: Screen) -> None:
    """End what a supervisor killed with -9 has left behind. We hold the folder's lock, so nobody else's is meant."""
    EndpointsFile(folder.path).remove()
    left = await asyncio.to_thread(strays, folder.path, [home_of(folder.path)])
    if left:
        screen.happened(f"ending {len(left)} processes that an earlier start left behind")
        await asyncio.to_thread(end, left, STALE_PATIENCE_S)


def _greet(endpoints: Endpoints, file: Path, folder: DataFolder, screen: Screen) -> None:
    """Where it is, how to get in, and three commands to try."""
    record = '{"source": "webform", "given_name": "Jörg", "family_name": "Müller", "email": "joerg@example.de"}'
    for line in (
        "",
        f"  address        {endpoints.http}   (what it can do: {endpoints.http}/docs)",
        f"  token          {endpoints.tokens['operator']}   (may do everything)",
        f"  all tokens     {file}",
        f"  logs           {folder.logs}",
        "",
        "  Try, in another terminal:",
        f"    curl {endpoints.http}/v1/records -H 'Authorization: Bearer {endpoints.tokens['sender']}' \\",
        f"      -H 'Content-Type: application/json' -d '{record}'",
        f"    ./kontaktwerk tail --data {_quoted(folder.path)}",
        f"    ./kontaktwerk status --data {_quoted(folder.path)}",
        "",
        "  Ctrl-C stops it; the data stay.",
    ):
        screen.text(line)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
