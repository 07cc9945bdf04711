"""The way of a verb to the one address: tokens, patience with what is away, problems as one clear line."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec

from shared.commands.running import Failed, Running

TIMEOUT_S: Final = 60.0
"""Of one request: the front door answers within seconds or says 503."""

PATIENCE_S: Final = 120.0
"""How long a sender waits for a system that is away: whatever is killed is promised back within 30 s."""

PAUSE_S: Final = 0.5
"""Between the first two tries."""

PAUSE_MAX_S: Final = 5.0
"""Between two later tries, where the answer names no Retry-After."""

AWAY: Final = frozenset({429, 502, 503, 504})
"""Answers that are worth another try of the same request."""


class Answer(NamedTuple):
    """Status and decoded body of an answer."""

    status: int
    body: Any


class Client:
    """Speaks to one address with one token."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    async def ask(
        self, method: str, path: str, json: Any = None, params: Mapping[str, str] | None = None, *, retry: bool = True
    ) -> Answer:
        """One request, tried again while the system is away. Raises Failed when it stays away or nobody is let in."""
        body = None if json is None else _encoded(json)
        return await self.send(method, path, body, {"Content-Type": "application/json"}, params, retry=retry)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
        *,
        retry: bool = True,
    ) -> Answer:
        """The same with a body as it is."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + (PATIENCE_S if retry else 0.0), PAUSE_S
        while True:
            answer, wait_s = await self._try(method, path, body, headers, params)
            if answer is not None and answer.status not in AWAY:
                return self._let_in(answer)
            if loop.time() >= deadline:
                why = "does not answer" if answer is None else problem_of(answer)
                raise Failed(f"{self._address} {why}")
            await asyncio.sleep(wait_s or pause)
            pause = min(PAUSE_MAX_S, pause * 2)

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The body of a GET that must succeed. Raises Failed with what the answer says otherwise."""
        answer = await self.ask("GET", path, params=params)
        if answer.status != 200:
            raise Failed(problem_of(answer))
        return answer.body

    async def _try(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], params: Mapping[str, str] | None
    ) -> tuple[Answer | None, float | None]:
        try:
            async with self._session.request(
                method, self._address + path, data=body, headers=headers, params=params
            ) as response:
                return Answer(response.status, _decoded(await response.read())), _retry_after(response)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError, OSError):
            return None, None
        except aiohttp.ClientError as error:
            raise Failed(f"{self._address} cannot be asked ({type(error).__name__})") from None

    def _let_in(self, answer: Answer) -> Answer:
        if answer.status == 401:
            raise Failed(f"{self._address} does not know this token (401)")
        if answer.status == 403:
            raise Failed(f"this token may not do that (403): {problem_of(answer)}")
        return answer


@asynccontextmanager
async def client(running: Running, *roles: str) -> AsyncGenerator[Client]:
    """A client with a token of the first of these roles that there is."""
    address, token = running.http(), running.token(*roles)
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {token}"}, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
    ) as session:
        yield Client(session, address)


def problem_of(answer: Answer) -> str:
    """What a problem says, in one line."""
    body = answer.body if isinstance(answer.body, dict) else {}
    said = ": ".join(str(body[name]) for name in ("title", "detail") if body.get(name))
    return f"answers {answer.status}" + (f", {said}" if said else "")


def _encoded(value: Any) -> bytes:

    return msgspec.json.encode(value)


def _decoded(body: bytes) -> Any:

    try:
        return msgspec.json.decode(body) if body else None
    except msgspec.DecodeError:
        return None


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    said = response.headers.get("Retry-After", "")
    return min(float(said), PATIENCE_S) if said.isdigit() else None
