"""Confirming: the address that a form was filled with says yes, by the link in the mail that rules sent to it.

GET shows the page, POST confirms: an interaction of the record that asked, once, however often it is clicked. A link
that does not open is told so with 403, and reveals nothing of whom it was meant for.
"""

from typing import Final

from fastapi import Request, Response

from services.ingest.core.interaction import Happening, Reference
from services.ingest.core.opt_in_page import HEADERS, View, language_of, page
from services.ingest.stage import Door
from shared.domain.configuration import Source
from shared.domain.opt_in import Closed, opened
from shared.runtime.clock import Clock
from shared.runtime.http import Problem, read_body, traceparent_of

BODY_BYTES_MAX: Final = 1_024
"""The button sends nothing; what a program adds is not read."""

NEWSLETTER: Final = "newsletter"
"""The purpose whose confirmation has a type of its own (contract section 3)."""

_STATUS: Final = {View.ASK: 200, View.DONE: 200, View.EXPIRED: 403, View.FORGED: 403, View.LATER: 503}


class Confirming:
    """The page behind the link, and what its button does."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock

    def ask(self, request: Request, name: str, source: Source, seal: str) -> Response:
        """The page with the button."""
        found = self._opened(name, source, seal)
        return _shown(request, source, found if isinstance(found, View) else View.ASK)

    async def confirm(self, request: Request, name: str, source: Source, seal: str) -> Response:
        """Take the yes. With neither Kafka nor the spool the visitor is asked to come back."""
        await read_body(request, BODY_BYTES_MAX)
        found = self._opened(name, source, seal)
        if isinstance(found, View):
            return _shown(request, source, found)
        try:
            await self._door.accept([found], traceparent_of(request))
        except Problem as problem:
            if problem.status != _STATUS[View.LATER]:
                raise
            return _shown(request, source, View.LATER)
        return _shown(request, source, View.DONE)

    def _opened(self, name: str, source: Source, seal: str) -> Happening | View:
        """What is confirmed, or why nothing is."""
        if source.opt_in is None:
            return View.FORGED
        now = self._clock.now()
        record_id = opened(seal, source.secrets, name, source.opt_in.purpose, now)
        if isinstance(record_id, Closed):
            return View(record_id.value)
        newsletter = source.opt_in.purpose == NEWSLETTER
        return Happening(
            source=name,
            interaction_id=f"opt-in:{record_id}",
            type="newsletter.confirmed" if newsletter else "consent.confirmed",
            at=now,
            by=None,
            about=Reference("record_id", record_id),
            subject=None,
            detail={} if newsletter else {"purpose": source.opt_in.purpose},
        )


def _shown(request: Request, source: Source, view: View) -> Response:
    language = language_of(request.headers.get("accept-language", ""), source.language)
    agreed = "" if source.opt_in is None else source.opt_in.text
    retry = {"Retry-After": "60"} if view is View.LATER else {}
    return Response(page(view, language, agreed), _STATUS[view], {**HEADERS, **retry}, "text/html; charset=utf-8")
