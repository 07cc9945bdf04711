"""The way out to providers: bounded in time and size, only to public addresses, and what goes wrong is an outcome."""

import asyncio
from datetime import datetime
from typing import Final

import aiohttp
from yarl import URL

from services.enrich.core.answers import Ended, Failed, Fault, Reply, ended_of
from services.enrich.core.asking import Asked, Request
from shared.runtime.addresses import Private, connector, is_private, refused

ANSWER_BYTES_MAX: Final = 256 * 1024
"""Half a message: an answer about one company or person is a few kilobytes."""

CONNECT_TIMEOUT_S: Final = 5.0
"""Three attempts of TCP; a host that takes longer is not there."""

CONNECTIONS_MAX: Final = 100
"""As many as questions a second are allowed to a provider."""

_CHUNK_BYTES: Final = 16 * 1024


class Client:
    """Asks; holds one HTTP session, opened at the first use. No cookies, no proxies, no redirects."""

    def __init__(self, private: Private) -> None:
        self._private = private
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
        """The answer of one provider about one subject; never raises for what the provider does."""
        request = asked.request(subject)
        try:
            async with asyncio.timeout(asked.timeout_s):
                return await self._ended(request, asked, subject, now)
        except TimeoutError:
            return Failed(Fault.TIMEOUT)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failed(Fault.PRIVATE_ADDRESS if is_private(error) else Fault.UNREACHABLE)

    async def _ended(self, request: Request, asked: Asked, subject: str, now: datetime) -> Ended:
        url = URL(request.url, encoded=True)
        if refused(url.host, self._private):
            return Failed(Fault.PRIVATE_ADDRESS)
        async with self._opened().request(
            request.method, url, data=request.body, headers=request.headers, allow_redirects=False
        ) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":
                return Failed(Fault.NOT_JSON)
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    return Failed(Fault.TOO_LARGE)
            kind = answer.headers.get("content-type", "")
            reply = Reply(answer.status, kind, answer.headers.get("retry-after"), bytes(body))
        return ended_of(reply, asked, subject, now)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._private, CONNECTIONS_MAX),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session
