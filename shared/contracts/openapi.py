"""OpenAPI: what FastAPI cannot know by itself: which roles a path is for, and that every error is a problem detail."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

PROBLEM: Final = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901)"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Unprocessable content",
        "status": 422,
        "detail": "expected str",
        "errors": [{"pointer": "/email", "detail": "expected str"}],
    },
}

_ALWAYS: Final = {"500": "Our fault.", "503": "Something this rests on is away: come again after Retry-After."}
_PROTECTED: Final = {"401": "No token, or a wrong one.", "403": "A token of too small a role."}
_NAMED: Final = {"404": "There is none of this name."}
_WRITTEN: Final = {"413": "The body is too large.", "415": "The body is no JSON."}
_FASTAPI: Final = ("HTTPValidationError", "ValidationError")
_METHODS_WITH_BODY: Final = ("post", "put", "patch")


def described(app: FastAPI, routers: Sequence[APIRouter]) -> Callable[[], dict[str, Any]]:
    """What makes the document of an app with these routers, once: with roles and problems; replaces `app.openapi`."""
    plain = app.openapi
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(plain())
            roles = {
                (route.path, method.lower()): roles_of(route.dependant)
                for router in routers
                for route in router.routes
                if isinstance(route, APIRoute)
                for method in route.methods or ()
            }
            for path, item in made.get("paths", {}).items():
                for method, operation in item.items():
                    _describe(path, method, operation, roles.get((path, method), ()))
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for name in _FASTAPI:
                schemas.pop(name, None)
            schemas["Problem"] = PROBLEM
        return made

    return document


def roles_of(dependant: Dependant) -> tuple[str, ...]:
    """The roles that a path asks for, by its dependencies; none for one that is open."""
    own = tuple(str(role) for role in getattr(dependant.call, "roles", ()))
    return own + tuple(role for below in dependant.dependencies for role in roles_of(below))


def _describe(path: str, method: str, operation: dict[str, Any], roles: tuple[str, ...]) -> None:
    problems = dict(_ALWAYS)
    if roles:
        problems |= _PROTECTED
        operation["x-roles"] = [*dict.fromkeys((*roles, "operator"))]
        said = f"For tokens of role {', '.join(operation['x-roles'])}."
        operation["description"] = "\n\n".join(filter(None, (operation.get("description"), said)))
    if "{" in path:
        problems |= _NAMED
    if method in _METHODS_WITH_BODY:
        problems |= _WRITTEN
    responses = operation.setdefault("responses", {})
    if "422" in responses or method in _METHODS_WITH_BODY:
        problems["422"] = "The request makes no sense as it is."
    for status, words in problems.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[status] = {"description": words, "content": content}
