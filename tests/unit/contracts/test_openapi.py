"""OpenAPI: every path says for whom it is and how it fails."""

from typing import Annotated, Any

from fastapi import APIRouter

from shared.runtime.access import Caller, Role, require
from shared.runtime.http import application


def document() -> dict[str, Any]:
    """The document of a small service."""
    router = APIRouter()

    @router.get("/v1/things/{thing_id}", dependencies=[require(Role.READER)])
    async def thing(thing_id: int) -> None:
        """A thing."""

    @router.put("/v1/things/{thing_id}")
    async def put(thing_id: int, caller: Annotated[Caller, require(Role.STEWARD)]) -> None:
        """Another thing."""

    @router.get("/v1/open")
    async def open_() -> None:
        """For all."""

    found: dict[str, Any] = application("test", [router]).openapi()
    return found


def test_a_path_says_for_which_roles_it_is_and_an_open_one_says_none() -> None:
    paths = document()["paths"]
    assert paths["/v1/things/{thing_id}"]["get"]["x-roles"] == ["reader", "operator"]
    assert paths["/v1/things/{thing_id}"]["put"]["x-roles"] == ["steward", "operator"]
    assert "x-roles" not in paths["/v1/open"]["get"]
    assert "401" not in paths["/v1/open"]["get"]["responses"]


def test_every_error_is_a_problem_detail() -> None:
    made = document()
    put = made["paths"]["/v1/things/{thing_id}"]["put"]["responses"]
    assert {"401", "403", "404", "413", "415", "422", "500", "503"} <= put.keys()
    for status, answer in put.items():
        assert list(answer["content"]) == ["application/problem+json" if status >= "400" else "application/json"]
    assert "Problem" in made["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & made["components"]["schemas"].keys()
