"""The verbs of ours that `up` calls while it starts, as processes of their own: topics and migrate."""

import asyncio
from collections.abc import Mapping, Sequence

from deploy.local.errors import CannotRunError
from deploy.local.folder import DataFolder
from deploy.local.processes import MARK, rotate, tail

TIMEOUT_S = 120.0
"""Of one verb; a migration that takes longer belongs into a command of its own before the start."""


async def run_verb(command: Sequence[str], env: Mapping[str, str], folder: DataFolder) -> None:
    """Run a verb to its end, its output in a log. Raises CannotRunError with the end of that log."""
    verb = command[-1]
    log = folder.logs / f"{verb}.log"
    rotate(log)
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**env, MARK: str(folder.path)},
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            code = await process.wait()
    except TimeoutError as error:
        raise CannotRunError(f"'{verb}' took longer than {TIMEOUT_S:.0f} s; {log}:\n{tail(log)}") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        raise CannotRunError(f"'{verb}' failed with {code}; {log}:\n{tail(log)}")
