"""The verbs of ours that `up` calls while it starts, as processes of their own: topics and migrate."""

import signal
from collections.abc import Mapping

from deploy.local.errors import CannotRunError
from deploy.local.folder import DataFolder
from deploy.local.processes import tail
from deploy.local.starting import Starter, ended

TIMEOUT_S = 120.0
"""Of one verb; a migration that takes longer belongs into a command of its own before the start."""


async def run_verb(starter: Starter, verb: str, env: Mapping[str, str], folder: DataFolder) -> None:
    """Run a verb to its end, its output in a log. Raises CannotRunError with the end of that log."""
    log = folder.logs / f"{verb}.log"
    process = starter.start(verb, [verb], env, log)
    try:
        in_time = await ended(process, TIMEOUT_S)
    finally:
        process.signal(signal.SIGKILL)  # cancelled or too slow; whoever has ended gets none
    if not in_time:
        raise CannotRunError(f"'{verb}' took longer than {TIMEOUT_S:.0f} s; {log}:\n{tail(log)}")
    if (code := process.poll()) != 0:
        raise CannotRunError(f"'{verb}' failed with {code}; {log}:\n{tail(log)}")
