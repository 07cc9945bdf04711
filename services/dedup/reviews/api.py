"""The paths of reviews: the queue, answers, and the quality that follows from them."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from services.dedup.core.arriving import is_uuid
from services.dedup.core.asking import Answer, Assignment, Bulk, Draw
from services.dedup.core.explanation import Language
from services.dedup.core.reviewing import BENEFIT_MAX, Reason
from services.dedup.reviews.desk import Desk, Show
from shared.runtime.access import Caller, Role, require
from shared.runtime.http import Problem, decode_cursor, json_response, read_json

PAGE_MAX: Final = 200
"""Reviews of one page: each brings its records and evidence along."""

PAGE_USUAL: Final = 10
"""A page that a person works through in one go."""

RESULTS_MAX: Final = 10
"""Reviews of a page that come with the contact they would make without being asked: each takes a millisecond, and the
queue has fifty."""

_READER: Final = [require(Role.READER)]
_Steward = Annotated[Caller, require(Role.STEWARD)]


def router(desk: Desk) -> APIRouter:
    """The paths."""
    paths = APIRouter(tags=["reviews"])
    _add_reading(paths, desk)
    _add_many(paths, desk)

    @paths.post("/v1/reviews/{review_id}")
    async def answer_to(request: Request, review_id: str, caller: _Steward, *, dry_run: bool = False) -> Response:
        """Same, different, or later (until a time): a person's word on a review."""
        answer = await read_json(request, Answer)
        return json_response(await desk.answer(review_id, answer, caller, dry_run=dry_run))

    @paths.post("/v1/reviews/{review_id}/undo")
    async def undo(review_id: str, caller: _Steward, *, dry_run: bool = False) -> Response:
        """The answer taken back, whatever it was: the review is asked again if it still is a question."""
        return json_response(await desk.undo(review_id, caller, dry_run=dry_run))

    return paths


def _add_reading(paths: APIRouter, desk: Desk) -> None:
    """What can be seen."""

    @paths.get("/v1/reviews", dependencies=_READER)
    async def reviews_in(
        state: Literal["open", "later", "decided"] = "open",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_USUAL,
        cursor: str | None = None,
        language: Language = "en",
        reason: Reason | None = None,
        assignee: Annotated[str | None, Query(max_length=100, description="Empty: nobody's.")] = None,
        result: Annotated[
            bool | None, Query(description="With the contact that would result; if not said: on pages of up to ten.")
        ] = None,
    ) -> Response:
        """Doubtful groups, the most useful answer first: both sides, evidence, the contact they would make."""
        after = _cursor(cursor)
        show = Show(language, result=limit <= RESULTS_MAX if result is None else result)
        return json_response(await desk.queue(state, limit, after, show, reason=reason, assignee=assignee))

    @paths.get("/v1/reviews/quality", dependencies=_READER)
    async def quality() -> Response:
        """Precision and recall of the contacts as they stand, estimated from the answers, with intervals of 95 %."""
        return json_response(await desk.quality())

    @paths.get("/v1/reviews/{review_id}", dependencies=_READER)
    async def review_of(review_id: str, language: Language = "en") -> Response:
        """One review, whatever its state."""
        return json_response(await desk.show(review_id, Show(language)))


def _add_many(paths: APIRouter, desk: Desk) -> None:
    """What is done to many at once."""

    @paths.post("/v1/reviews/bulk")
    async def bulk(request: Request, caller: _Steward, language: Language = "en", *, dry_run: bool = False) -> Response:
        """One answer to many reviews: the first call shows a sample, the second, with its `confirm`, answers."""
        asked = await read_json(request, Bulk)
        return json_response(await desk.bulk(asked, caller, Show(language), dry_run=dry_run))

    @paths.post("/v1/reviews/assignments", dependencies=[require(Role.STEWARD)])
    async def assign(request: Request, *, dry_run: bool = False) -> Response:
        """These reviews are somebody's to answer, or (null) anybody's."""
        return json_response(await desk.assign(await read_json(request, Assignment), dry_run=dry_run))

    @paths.post("/v1/reviews/controls", dependencies=[require(Role.STEWARD)])
    async def draw(request: Request, *, dry_run: bool = False) -> Response:
        """Draw pairs that were merged without asking, for people to check: up to 200 a call."""
        wish = await read_json(request, Draw)
        return json_response(await desk.draw(wish.count, dry_run=dry_run))


def _cursor(text: str | None) -> tuple[int, str] | None:
    if text is None:
        return None
    values = decode_cursor(text)
    match values:
        case [int(benefit), str(review_id)] if abs(benefit) <= BENEFIT_MAX and is_uuid(review_id):
            return benefit, review_id
        case _:
            raise Problem(422, "Unknown cursor", "Take the cursor from `next` of the page before, unchanged.")
