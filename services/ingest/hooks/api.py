"""What a vendor is answered. Senders give up for good on few answers, and each of them stands here on purpose:

202 once Kafka or the spool has it, whatever it holds (a body nobody can read is set aside); 401 for who is not this
vendor; 404 for a source that is not configured, 410 for one that is `hooks: gone`; 503 with Retry-After while it is
paused, or Kafka is away and the spool is full; 413, and 429 beyond its `limit`. Redirects are for people who sent a
form.
"""

from collections.abc import Mapping
from math import ceil
from typing import Final

from fastapi import APIRouter, Request, Response

from services.ingest.connectors.form import is_form
from services.ingest.connectors.hook import Connector, Hook
from services.ingest.connectors.known import connector_of
from services.ingest.connectors.reading import Bad, items_of, read_hook
from services.ingest.core.decide import Receipt
from services.ingest.core.identity import digest, hook_id_of
from services.ingest.core.limiting import Visits
from services.ingest.fetches.fetching import Fetching
from services.ingest.forms.confirming import Confirming
from services.ingest.stage import Aside, Door
from shared.domain.configuration import Source
from shared.domain.opt_in import PREFIX
from shared.runtime.access import Access, Role, Straight, bearer
from shared.runtime.http import Problem, json_response, read_body, traceparent_of, unavailable
from shared.runtime.world import World
from shared.topology import MESSAGE_BYTES_MAX

HOOK_BYTES_MAX: Final = MESSAGE_BYTES_MAX
"""A body that nobody can read is set aside whole, so it must fit into one message."""

CONTENT_TYPE_CHARACTERS_MAX: Final = 200
"""A content type with a boundary has a hundred."""

PREFLIGHT_S: Final = 3_600
"""How long a browser may remember that a page may post here."""


def router(world: World, door: Door, fetching: Fetching) -> APIRouter:
    """All paths below `/hooks`."""
    routes = APIRouter(tags=["hooks"], route_class=Straight)
    desk, confirming = _Desk(world, door, fetching), Confirming(door, world.clock)

    @routes.post("/hooks/{source}", status_code=202)
    async def hook(request: Request, source: str) -> Response:
        """A delivery of a vendor that signs, or sends a bearer token; or a form."""
        return await desk.take(request, source, None)

    @routes.post("/hooks/{source}/{secret}", status_code=202)
    async def hook_with_secret(request: Request, source: str, secret: str) -> Response:
        """A delivery of a vendor that can only be told apart by a secret in the path; or the yes of a double opt-in."""
        configured = desk.sealed(source, secret)
        if configured is not None:
            return await confirming.confirm(request, source, configured, secret)
        return await desk.take(request, source, secret)

    @routes.api_route("/hooks/{source}", methods=["GET", "HEAD"], include_in_schema=False)
    async def greeting(request: Request, source: str) -> Response:
        """Vendors look whether somebody is there before they send."""
        return _greeted(request, desk.open(source))

    @routes.api_route("/hooks/{source}/{secret}", methods=["GET", "HEAD"], include_in_schema=False)
    async def greeting_with_secret(request: Request, source: str, secret: str) -> Response:
        """As above; or the page that a mail of a double opt-in leads to."""
        configured = desk.sealed(source, secret)
        if configured is not None:
            return confirming.ask(request, source, configured, secret)
        return _greeted(request, await desk.greet(request, source, secret))

    @routes.api_route("/hooks/{source}", methods=["OPTIONS"], include_in_schema=False)
    @routes.api_route("/hooks/{source}/{secret}", methods=["OPTIONS"], include_in_schema=False)
    async def preflight(request: Request, source: str) -> Response:
        """A browser asks whether a page of another address may post a form."""
        configured = desk.open(source)
        allowed = _cors(request, configured)
        more = {"Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": str(PREFLIGHT_S)} if allowed else {}
        return Response(status_code=204, headers={**allowed, **more})

    return routes


class _Desk:
    """Takes hooks in: is the source open, is it this vendor, what does it bring."""

    def __init__(self, world: World, door: Door, fetching: Fetching) -> None:
        self._world = world
        self._door = door
        self._fetching = fetching
        self._visits: dict[str, Visits] = {}

    def open(self, source: str) -> Source:
        """The source of this name. Raises Problem 404, 410 or 503."""
        configured = self._world.configuration.sources.get(source)
        if configured is None:
            raise Problem(404, "Not found")
        if configured.hooks == "gone":
            raise Problem(410, "Gone", "This web hook is no longer wanted.")
        if configured.hooks == "paused":
            raise unavailable("This web hook is paused; send it again later.")
        return configured

    def sealed(self, source: str, secret: str) -> Source | None:
        """The form whose link this is, None where the path holds no seal. Raises Problem as `open`."""
        if not secret.startswith(PREFIX):
            return None
        configured = self.open(source)
        return configured if configured.connector == "form" else None

    async def greet(self, request: Request, source: str, secret: str) -> Source:
        """The source. Raises Problem 401 for a secret in the path that is none; 404, 410 and 503 as `open`."""
        configured = self.open(source)
        hook = self._hook(request, source, secret, b"")
        await self._let_in(connector_of(configured), hook, configured, request)
        return configured

    async def take(self, request: Request, source: str, secret: str | None) -> Response:
        """Take one delivery. Raises Problem as the head of this file says."""
        configured = self.open(source)
        if configured.connector == "form":
            return await self._form(request, source, configured, secret)
        hook = self._hook(request, source, secret, await read_body(request, HOOK_BYTES_MAX))
        await self._let_in(connector_of(configured), hook, configured, request)
        self._door.allow((source,))
        return json_response({"receipts": await self._accepted(hook, configured, request)}, 202)

    async def _form(self, request: Request, source: str, configured: Source, secret: str | None) -> Response:
        """A form of a visitor, who is sent on to the page of thanks where there is one."""
        allowed = _cors(request, configured)
        self._not_too_often(request, source, configured)
        hook = self._hook(request, source, secret, await read_body(request, HOOK_BYTES_MAX))
        if not is_form(hook.content_type):
            raise Problem(415, "Unsupported media type", "Send a form: urlencoded or multipart.", headers=allowed)
        await self._let_in(connector_of(configured), hook, configured, request)
        receipts = await self._accepted(hook, configured, request)
        wants_json = "application/json" in request.headers.get("accept", "")
        if configured.thanks is None or wants_json:
            return json_response({"receipts": receipts}, 202, allowed)
        return Response(status_code=303, headers={"Location": configured.thanks, **allowed})

    async def _let_in(self, connector: Connector, hook: Hook, configured: Source, request: Request) -> None:
        if connector.authentic(hook, configured):
            return
        token = bearer(request)
        if connector.tokens and hook.secret is None and token is not None:
            access: Access = request.app.state.access
            caller = await access.caller(token)
            writes = caller is not None and (caller.sources is None or hook.source in caller.sources)
            if writes and caller is not None and caller.role in (Role.SENDER, Role.OPERATOR):
                return
        raise Problem(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"})

    async def _accepted(self, hook: Hook, configured: Source, request: Request) -> list[Receipt]:
        """Receipts of what the delivery brought, in order; empty for events that concern no contact."""
        brought = read_hook(connector_of(configured), hook, self._world.configuration.sources)
        read = await self._fetching.noted(brought, hook)
        good = items_of([one for one in read if not isinstance(one, Bad)], hook.source, self._door.key)
        asides = [
            Aside(
                hook_id_of(hook.source, one.body, hook.at), hook.source, one.reason, one.detail, one.body,
                one.content_type,
            )
            for one in read
            if isinstance(one, Bad)
        ]  # fmt: skip
        accepted = iter(await self._door.accept(good, traceparent_of(request)) if good else ())
        set_aside = iter(await self._door.set_aside(asides) if asides else ())
        return [next(set_aside) if isinstance(one, Bad) else next(accepted) for one in read]

    def _hook(self, request: Request, source: str, secret: str | None, body: bytes) -> Hook:
        return Hook(
            source=source,
            body=body,
            content_type=request.headers.get("content-type", "application/json")[:CONTENT_TYPE_CHARACTERS_MAX],
            at=self._world.clock.now(),
            headers=dict(request.headers),
            method=request.method,
            url=str(request.url),
            secret=secret,
        )

    def _not_too_often(self, request: Request, source: str, configured: Source) -> None:
        if configured.limit is None:
            return
        visits = self._visits.setdefault(f"{source} {configured.limit}", Visits(digest(self._door.key)))
        visitor = "" if request.client is None else request.client.host
        wait_s = visits.wait_s(visitor, configured.limit, self._world.clock.monotonic())
        if wait_s > 0:
            headers = {"Retry-After": str(ceil(wait_s)), **_cors(request, configured)}
            raise Problem(429, "Too many requests", "Sent too often; try again later.", headers=headers)


def _greeted(request: Request, configured: Source) -> Response:
    """What a vendor wants to hear that looks whether this is the right place."""
    greets = connector_of(configured).greets
    said = None if greets is None else greets(request.query_params.get("secret", ""), configured)
    if said is None:
        return json_response({"status": "ready"})
    return Response(said, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})


def _cors(request: Request, configured: Source) -> Mapping[str, str]:
    """What lets a page of one of the source's origins read the answer; nothing for any other."""
    origin = request.headers.get("origin")
    if configured.connector != "form" or origin is None or origin not in configured.origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
