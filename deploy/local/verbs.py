"""The verbs of ours that `up` calls while it starts: topics, migrate, tokens."""

import asyncio
import hashlib
import json
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from deploy.local.errors import CannotRunError
from deploy.local.folder import DataFolder, write_private
from deploy.local.plan import ROLES
from deploy.local.processes import MARK, tail

TIMEOUT_S = 120.0
"""Of one verb; a migration that takes longer belongs into a command of its own before the start."""

TOKENS_AT_ONCE = 2
"""Each is a Python process of half a second; more at once would only starve the services that start meanwhile."""


class Verbs:
    """Runs verbs as processes of their own, with the environment of the services."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: DataFolder) -> None:
        self._command = command
        self._env = env
        self._folder = folder
        self._log = folder.logs / "up.log"

    async def run(self, *verb: str) -> str:
        """Run one verb to its end and return its output. Raises CannotRunError with what it said on stderr."""
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *verb,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**self._env, MARK: str(self._folder.path)},
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise CannotRunError(f"'{' '.join(verb)}' took longer than {TIMEOUT_S:.0f} s; see {self._log}") from error
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            raise CannotRunError(
                f"'{' '.join(verb)}' failed with {process.returncode}; {self._log}:\n{tail(self._log)}"
            )
        return output.decode("utf-8", "replace")

    async def tokens(self, database: str) -> dict[str, str]:
        """One token per role: those of last time if the database is the same, else new ones."""
        file = self._folder.run / "tokens.json"
        of_database = hashlib.sha256(database.encode()).hexdigest()
        if (kept := _kept(file, of_database)) is not None:
            return kept
        some = asyncio.Semaphore(TOKENS_AT_ONCE)

        async def create(role: str) -> str:
            async with some:
                output = await self.run("tokens", "create", "--role", role, "--name", "up", "--json")
            return str(json.loads(output)["token"])

        made: dict[str, str] = dict(zip(ROLES, await asyncio.gather(*map(create, ROLES)), strict=True))
        write_private(file, json.dumps({"database": of_database, "tokens": made}))
        return made


def _kept(file: Path, of_database: str) -> dict[str, str] | None:
    try:
        content = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
        same = content["database"] == of_database and set(content["tokens"]) == set(ROLES)
        return content["tokens"] if same else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
