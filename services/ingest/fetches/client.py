"""The way to a vendor's API: one GET at a time, bounded in time and size, to the host that sources.yaml names only."""

import asyncio
from collections.abc import Mapping
from typing import Final

import aiohttp
from yarl import URL

from services.ingest.core.fetching import Answer, Refusal, refusal_of
from shared.runtime.addresses import Private, connector, is_private, refused

TIMEOUT_S: Final = 15.0
"""An order is a page of a shop: ten of them that all are late stay below half of a lease."""

CONNECT_TIMEOUT_S: Final = 5.0
"""Three attempts of TCP; a host that takes longer is not there."""

ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
"""An order of five hundred tickets; what is larger is no order."""

NOT_ALLOWED: Final = Refusal(
    "the API lies at a private address: KONTAKTWERK_INGEST_PRIVATE_ADDRESSES=allow lets it be asked", lasting=True
)

_CHUNK_BYTES: Final = 64 * 1024


class Client:
    """Asks; holds one HTTP session, opened at the first use. No cookies, no proxies, no redirects, so that a token goes
    nowhere else.
    """

    def __init__(self, private: Private, answer_bytes_max: int = ANSWER_BYTES_MAX) -> None:
        self._private = private
        self._most = answer_bytes_max
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, api: str, path: str, headers: Mapping[str, str], posted: Mapping[str, str] | bytes | None = None
    ) -> Answer | Refusal:
        """What the API says at this path, which begins with a slash; a form or a body is posted there. Never raises for
        what the vendor does.
        """
        base = URL(api)
        url = base.join(URL(base.path.rstrip("/") + path, encoded=True))
        if url.origin() != base.origin():
            return Refusal("the path leads to another host", lasting=True)
        if refused(url.host, self._private):
            return NOT_ALLOWED
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._answer(url, headers, posted)
        except TimeoutError:
            return Refusal("the vendor was silent too long", lasting=False)
        except (aiohttp.ClientError, OSError) as error:
            return NOT_ALLOWED if is_private(error) else Refusal("the vendor cannot be reached", lasting=False)
        if len(answer.body) > self._most:
            return Refusal(f"the answer has more than {self._most} bytes", lasting=True)
        return refusal_of(answer) or answer

    async def _answer(self, url: URL, headers: Mapping[str, str], posted: Mapping[str, str] | bytes | None) -> Answer:
        method = "GET" if posted is None else "POST"
        async with self._opened().request(method, url, headers=headers, data=posted, allow_redirects=False) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                body += chunk
                if len(body) > self._most:
                    answer.close()
                    break
            kind = answer.headers.get("content-type", "")
            following = str(answer.links["next"]["url"]) if "next" in answer.links else None
            return Answer(answer.status, kind, answer.headers.get("retry-after"), bytes(body), following)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=connector(self._private),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
