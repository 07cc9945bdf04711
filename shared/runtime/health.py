"""Health: what a process answers about itself on its own port, before and beside the API of its service.

`/livez`: the loop turns (never asks Kafka or Postgres: their absence is no reason to be killed). `/readyz`: it can do
its work now, else why not. `/metrics`, and `/internal/status` for whoever adds the system up.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import Transient
from shared.runtime.http import RETRY_AFTER_S, Problem, json_response, problem_response, unavailable
from shared.runtime.telemetry import Metrics

STILL_S: Final = 120.0
"""A loop that has not turned for so long hangs: a statement is cut off after 30 s, a commit after 20."""


KAFKA: Final = frozenset({"kafka", "group"})
"""What may be missing that Kafka is needed for; a front door with a spool does its work without."""

UNDER_WAY_MAX: Final = 256
"""Requests of one process at the same moment: at 32 KiB a record it is nothing, at 8 MiB a list it is 2 GiB, the most
a small machine can bear. Whoever comes then is asked to come back."""


CROWDED: Final = 192
SHARE_MAX: Final = 128
"""From so many on, nobody may have more than half: a quarter of all places is left to those who send little."""


class Health:
    """What is known of a process: when its loop last turned, and what it still waits for."""

    def __init__(self, service: str, instance: str | None, metrics: Metrics) -> None:
        self.service = service
        self.instance = instance
        self.metrics = metrics
        self.missing: dict[str, str] = {"start": "is starting"}
        self.pending: Callable[[], Awaitable[Mapping[str, int]]] | None = None
        self.ready_while_waiting = False
        self.not_needed: frozenset[str] = frozenset()
        self.refused: Callable[[], str | None] = lambda: None
        self._turned_at = time.monotonic()

    def beat(self) -> None:
        """The loop turns."""
        self._turned_at = time.monotonic()

    def live(self) -> bool:
        """True while the loop turns."""
        return time.monotonic() - self._turned_at < STILL_S

    def notes(self) -> dict[str, str]:
        """What somebody should mend, though this process does its work."""
        refused = self.refused()
        return {} if refused is None else {"configuration": refused}

    def reasons(self) -> dict[str, str]:
        """Why this process cannot do its work now; empty when it can."""
        found = {what: why for what, why in self.missing.items() if what not in self.not_needed}
        if self.metrics.why_halted is not None:
            found["halted"] = self.metrics.why_halted
        if self.metrics.waits_for is not None and not self.ready_while_waiting:
            found["waits"] = self.metrics.waits_for
        return found

    async def status(self) -> dict[str, Any]:
        """What `status` adds up. Raises Transient when the tables cannot be counted."""
        return {
            "service": self.service,
            "instance": self.instance,
            "rate": self.metrics.rate(),
            "oldest_s": self.metrics.oldest_s(),
            "dead_letters": self.metrics.letters,
            "last_error": self.metrics.last_error,
            "pending": {} if self.pending is None else dict(await self.pending()),
            "halted": self.metrics.why_halted,
        }


MORE_THAN_A_SHARE: Final = Problem(
    429, "Too many requests", "Too many of your requests are under way.", headers={"Retry-After": str(RETRY_AFTER_S)}
)
"""Said before anything of the request is read."""

PUBLIC: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""What needs no token (contract, section 3)."""


class Front:
    """The ASGI app of a process: its own four paths, then the service's app as soon as there is one."""

    def __init__(self, health: Health) -> None:
        self.app: ASGIApp | None = None
        self._under_way = 0
        self._shares: Counter[bytes] = Counter()
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        own = await self._own(scope.get("path", "")) if scope["type"] == "http" else None
        if own is not None:
            await own(scope, receive, send)
        else:
            await self._behind(scope, receive, send)

    async def door(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer at an address that the world sees: health and metrics too, but nothing of what services ask us."""
        own = await self._own(scope["path"]) if scope["type"] == "http" and scope["path"] in PUBLIC else None
        await (own or self._behind)(scope, receive, send)

    async def _behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the service's app, and count what was said and how long it took; refusals are answers too."""
        if scope["type"] != "http":
            return
        said: int | None = None

        async def told(message: Message) -> None:
            nonlocal said
            if message["type"] == "http.response.start":
                said = message["status"]
            await send(message)

        began, metrics = time.perf_counter(), self._health.metrics
        metrics.under_way.inc()
        try:
            await self._admitted(scope, receive, told)
        finally:
            metrics.under_way.dec()
            metrics.answered(said, time.perf_counter() - began)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is None:
            await problem_response(unavailable("The service is starting."))(scope, receive, send)
        elif self._under_way >= UNDER_WAY_MAX:
            await problem_response(unavailable("Too many requests are under way."))(scope, receive, send)
        elif self._under_way >= CROWDED and self._shares[_whose(scope)] >= SHARE_MAX:
            await problem_response(MORE_THAN_A_SHARE)(scope, receive, send)
        else:
            whose = _whose(scope)
            self._under_way += 1
            self._shares[whose] += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self._under_way -= 1
                self._shares[whose] -= 1
                if not self._shares[whose]:
                    del self._shares[whose]

    async def _own(self, path: str) -> Response | None:
        match path:
            case "/livez":
                live = self._health.live()
                return json_response({"status": "live" if live else "still"}, 200 if live else 503)
            case "/readyz":
                reasons = self._health.reasons()
                said = {"status": "waits", "reasons": reasons} if reasons else {"status": "ready"}
                notes = self._health.notes()
                return json_response({**said, "notes": notes} if notes else said, 503 if reasons else 200)
            case "/metrics":
                return Response(self._health.metrics.exposition(), media_type="text/plain; version=0.0.4")
            case "/internal/status":
                try:
                    return json_response(await self._health.status())
                except Transient:
                    return problem_response(unavailable("The tables cannot be counted at the moment."))
            case _:
                return None


def _whose(scope: Scope) -> bytes:
    """Who counts as one: the bearer of a token, or a vendor's hook."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    if path.startswith(b"/hooks/"):
        return path.split(b"/", 3)[2]
    return next((value for name, value in scope["headers"] if name == b"authorization"), b"")
