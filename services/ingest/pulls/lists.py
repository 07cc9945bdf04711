"""The way to other people's lists: one page of their API after another, at its own host only."""

import base64
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from yarl import URL

from services.ingest.core.fetching import Answer, Refusal
from services.ingest.core.lists import AGAIN, PRESETS, Ask, Row, first_of, next_of, rows_of
from services.ingest.fetches.client import Client
from services.ingest.pulls.client import PAGE_ROWS, Unreadable
from shared.domain.configuration import Source
from shared.runtime.addresses import Private

PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Two thousand rows of eight kilobytes, the largest page that a vendor of ours sends; read whole, once at a time."""

PAGES_MAX: Final = 100_000
"""Ten million rows by a hundred: an API that still goes on does not know its own end."""

EXCHANGE: Final = "/services/oauth2/token"
"""Where an External Client App exchanges its key and secret (OAuth 2.0 Client Credentials Flow) for a token."""


class Lists:
    """Reads lists."""

    def __init__(self, private: Private) -> None:
        self._client = Client(private, PAGE_BYTES_MAX)

    async def close(self) -> None:
        """Close the way out."""
        await self._client.close()

    async def pages(self, source: Source, since: datetime | None) -> AsyncGenerator[list[Row]]:
        """The rows of a source that its preset has completed, 500 at most at a time; with `since`, of those that have
        changed since. The next page is asked for when the one before is done. Raises Unreadable.
        """
        headers = {"Accept": "application/json", **await self._authorization(source)}
        ask: Ask | None = first_of(source, since)
        before: list[Row] = []
        for _ in range(PAGES_MAX):
            if ask is None:
                return
            answer = await self._asked(ask, headers)
            said = _decoded(answer)
            rows = rows_of(said, source)
            if isinstance(rows, str):
                raise Unreadable(rows, lasting=True)
            if ask.search is None and rows and rows == before:
                raise Unreadable(AGAIN, lasting=True)
            fresh = rows if ask.search is None else [row for row in rows if row not in before]
            for first in range(0, len(fresh), PAGE_ROWS):
                yield fresh[first : first + PAGE_ROWS]
            following = next_of(said, answer.following, ask, rows, source)
            if isinstance(following, str):
                raise Unreadable(following, lasting=True)
            ask, before = following, rows
        raise Unreadable(f"more than {PAGES_MAX} pages", lasting=True)

    async def _authorization(self, source: Source) -> dict[str, str]:
        """The header that lets us in; none without a token. A token with a space in it is the whole header."""
        token, scheme = source.token, PRESETS[source.connector].scheme
        if token is None:
            return {}
        if source.connector == "salesforce":
            token = await self._exchanged(source, token)
        elif " " in token:
            return {"Authorization": token}
        elif scheme == "Basic":
            token = base64.b64encode(token.encode()).decode()
        return {"Authorization": f"{scheme} {token}"}

    async def _exchanged(self, source: Source, token: str) -> str:
        """Salesforce's token for a client's key and secret, `key:secret`: theirs end after hours, so each pull asks."""
        key, _, secret = token.partition(":")
        form = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
        address = URL((source.api or "").rstrip("/") + EXCHANGE)
        found = _decoded(await self._asked(Ask(address), {"Accept": "application/json"}, form))
        said = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(said, str):
            raise Unreadable("no token was given for key and secret", lasting=True)
        return said

    async def _asked(self, ask: Ask, headers: dict[str, str], form: dict[str, str] | None = None) -> Answer:
        """An answer that can be read. Raises Unreadable."""
        body: Mapping[str, str] | bytes | None = form
        if ask.search is not None:
            headers, body = {**headers, "Content-Type": "application/json"}, msgspec.json.encode(ask.search)
        answer = await self._client.get(str(ask.at.origin()), ask.at.raw_path_qs, headers, body)
        if isinstance(answer, Refusal):
            raise Unreadable(answer.why, lasting=answer.lasting, wait=answer.wait)
        return answer


def _decoded(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unreadable("the answer is no JSON", lasting=True) from None
