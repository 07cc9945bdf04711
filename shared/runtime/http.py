"""HTTP: one way to read a body, to answer, to page and to fail, for every service.

Errors are problem details (RFC 9457). On hot paths bodies are read with msgspec from the raw request: a pydantic model
costs more than the rest of the request together (facts: 190 µs a contact against 23).
"""

import base64
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from swagger_ui_bundle import swagger_ui_path

from shared.contracts.openapi import described
from shared.domain.errors import Refused, Transient
from shared.runtime.codec import fault_of, holds_nul

T = TypeVar("T")

BODY_BYTES_MAX: Final = 1024 * 1024
"""For bodies of decisions and searches; what takes lists of records sets its own limit."""

RETRY_AFTER_S: Final = 2
"""What is away is usually back within seconds: a restart of Postgres or Kafka takes three to five."""

OPENAPI: Final = "/openapi.json"
DOCS: Final = "/docs"
DRY_RUN: Final = "dry_run"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}

PROBLEM: Final = "application/problem+json"
_ENCODER: Final = msgspec.json.Encoder()


class Fault(NamedTuple):
    """What is wrong at one place of a body; `pointer` is a JSON pointer (RFC 6901), empty for the whole."""

    pointer: str
    detail: str


class Problem(Exception):
    """An answer that is an error, on purpose. Its text is its title: details stay out of logs."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        *,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        """Extension members (RFC 9457, section 3.2), such as `retired` of a contact that is gone."""


def application(title: str, routers: Sequence[APIRouter] = (), state: Mapping[str, Any] | None = None) -> FastAPI:
    """An app with these routers that fails in problem details only; `state` lands in `app.state` (access, for one)."""
    paths = {getattr(route, "path", "") for router in routers for route in router.routes}
    own_document = None if OPENAPI in paths else OPENAPI
    heard = [Depends(_dry_run_is_heard)]
    app = FastAPI(title=title, docs_url=None, redoc_url=None, openapi_url=own_document, dependencies=heard)
    app.openapi_version = "3.0.3"  # what the bundled Swagger UI (4.15) can show
    app.router.redirect_slashes = False
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(Transient, _on_transient)
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(Exception, _on_ours)
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    for router in routers:
        app.include_router(router)
    if DOCS not in paths:
        app.include_router(docs_router())
    app.openapi = described(app, routers)  # type: ignore[method-assign]  # FastAPI's own way to extend its document
    return app


async def _dry_run_is_heard(request: Request) -> None:
    """Refuse `?dry_run=true` where nobody reads it: who only wants to look must never change anything."""
    route = request.scope.get("route")
    read = {field.alias for field in route.dependant.query_params} if isinstance(route, APIRoute) else set()
    wants = request.query_params.get(DRY_RUN, "false").lower() not in ("false", "0", "no", "off")
    if wants and DRY_RUN not in read and request.method not in ("GET", "HEAD"):
        raise unprocessable([Fault("", f"this path has no {DRY_RUN}; nothing was done")])


def docs_router(openapi_url: str = OPENAPI) -> APIRouter:
    """The page that shows an OpenAPI document, with everything it needs from the bundled Swagger UI: works offline."""
    router = APIRouter(include_in_schema=False)
    page_of = get_swagger_ui_html(
        openapi_url=openapi_url,
        title="Kontaktwerk",
        swagger_js_url=f"{DOCS}/swagger-ui-bundle.js",
        swagger_css_url=f"{DOCS}/swagger-ui.css",
        swagger_favicon_url=f"{DOCS}/favicon-32x32.png",
    )

    @router.get(DOCS)
    async def page_() -> Response:
        return page_of

    @router.get(DOCS + "/{name}")
    async def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise Problem(404, "Not found")
        return Response((Path(str(swagger_ui_path)) / name).read_bytes(), media_type=_ASSETS[name])

    return router


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; structs of msgspec, times and tuples are encoded as they are."""
    return Response(_ENCODER.encode(value), status, headers, media_type="application/json")


def page(items: Sequence[Any], next_: str | None) -> dict[str, Any]:
    """The shape of every list: `{"items": [...], "next": cursor or null}`."""
    return {"items": list(items), "next": next_}


def encode_cursor(*values: Any) -> str:
    """A cursor that says where the next page starts. Opaque to the caller, not secret: put no personal value in."""
    return base64.urlsafe_b64encode(_ENCODER.encode(values)).decode().rstrip("=")


def decode_cursor(text: str) -> list[Any]:
    """The values of a cursor of ours. Raises Problem 422 for any other text."""
    try:
        values = msgspec.json.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list):
        raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.")
    return values


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body, at most this long. Raises Problem 413 before more was read, 400 when the caller breaks off."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise too_large(bytes_max)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > bytes_max:
                raise too_large(bytes_max)
    except ClientDisconnect:
        raise Problem(400, "Bad request", "The body broke off.") from None
    return bytes(body)


async def json_body(request: Request, bytes_max: int) -> bytes:
    """The body of a request that says it is JSON, or says nothing. Raises Problem 415, and 413 as `read_body`."""
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Problem(415, "Unsupported media type", "Send application/json.")
    return await read_body(request, bytes_max)


async def read_json(request: Request, type_: type[T], bytes_max: int = BODY_BYTES_MAX) -> T:
    """The body as a value of this type. Raises Problem 413, 415, or 422 with a pointer to what is wrong.

    NUL characters are refused here, since Postgres holds none; so is JSON nested deeper than the parser follows.
    """
    return parse_json(await json_body(request, bytes_max), type_)


def parse_json(body: bytes, type_: type[T]) -> T:
    """The value in these bytes. Raises Problem 422 with a pointer to what is wrong, never quoting a value."""
    if holds_nul(body):
        raise unprocessable([Fault("", "a text holds a NUL character")])
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.ValidationError as error:
        raise unprocessable([Fault(*fault_of(error))]) from None
    except RecursionError:
        raise unprocessable([Fault("", "the JSON is nested too deeply")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise unprocessable([Fault("", "the body is not JSON in UTF-8")]) from None


def unprocessable(errors: Sequence[Fault], title: str = "Unprocessable content") -> Problem:
    """A problem 422 that names every fault by its place."""
    return Problem(422, title, errors[0].detail if len(errors) == 1 else f"{len(errors)} faults", errors)


def too_large(bytes_max: int) -> Problem:
    """A problem 413 that names the limit."""
    return Problem(413, "Content too large", f"At most {bytes_max} bytes are taken.")


def unavailable(detail: str) -> Problem:
    """A problem 503: something behind us is away; come back."""
    return Problem(503, "Service unavailable", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def problem_response(problem: Problem) -> Response:
    """The answer a problem becomes."""
    content: dict[str, Any] = {"type": "about:blank", "title": problem.title, "status": problem.status}
    if problem.detail:
        content["detail"] = problem.detail
    if problem.errors:
        content["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in problem.errors]
    content |= problem.members
    return Response(_ENCODER.encode(content), problem.status, problem.headers, media_type=PROBLEM)


def traceparent_of(request: Request) -> str:
    """The trace this request belongs to (W3C Trace Context): the caller's when it is well-formed, else a new one."""
    given = request.headers.get("traceparent", "")
    parts = given.split("-")
    if [len(part) for part in parts] == [2, 32, 16, 2] and all(_is_hex(part) for part in parts):
        return given
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


_TITLES: Final = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    413: "Content too large",
    415: "Unsupported media type",
}


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = _TITLES.get(error.status_code, "Error")
    return problem_response(Problem(error.status_code, title, headers=dict(error.headers or {})))


async def _on_invalid(_: Request, error: Exception) -> Response:
    """A parameter or body that FastAPI refused: places and reasons, without the values it quotes."""
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault("/" + "/".join(str(part) for part in one["loc"][1:]), str(one["type"]).replace("_", " "))
        for one in error.errors()
    ]
    return problem_response(unprocessable(faults or [Fault("", "the request is not understood")]))


async def _on_transient(_: Request, __: Exception) -> Response:
    return problem_response(unavailable("Something this service rests on is away for a moment."))


async def _on_refused(_: Request, __: Exception) -> Response:
    return problem_response(unprocessable([Fault("", "a value that the database cannot hold")]))


async def _on_ours(_: Request, __: Exception) -> Response:
    """Ours: the answer says nothing; the log names type and place (see telemetry)."""
    return problem_response(Problem(500, "Internal server error"))
