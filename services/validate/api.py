"""The HTTP doors of validate: what would be found in a record, before anybody sends it."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from services.validate.core.decide import decide
from services.validate.core.preview import Submitted, contact_of
from services.validate.core.standards import Standards
from shared.domain.contact import Contact
from shared.runtime.access import Role, require
from shared.runtime.clock import Clock
from shared.runtime.http import Fault, json_response, read_json, unprocessable

RECORD_BYTES_MAX: Final = 32 * 1024
"""The contract's limit of a record (section 3)."""


def router(standards_now: Callable[[], Standards], clock: Clock) -> APIRouter:
    """The routes of validate, by the standards of the moment."""
    routes = APIRouter()

    @routes.post("/v1/validations", dependencies=[require(Role.SENDER, Role.READER)])
    async def validations(request: Request) -> Response:
        """The findings a record object would get; nothing is stored."""
        record = await read_json(request, Submitted, RECORD_BYTES_MAX)
        standards = standards_now()
        if record.source is not None and record.source not in standards.homes:
            raise unprocessable([Fault("/source", "no source of this name is configured")])
        now = clock.now()
        return json_response(answer(decide(contact_of(record, now), standards, now.date())))

    return routes


def answer(contact: Contact) -> dict[str, Any]:
    """What is said about a record: the figures, the findings, what was probably meant, and values as understood."""
    return {
        "score": contact.quality.score,
        "completeness": contact.quality.completeness,
        "findings": contact.quality.findings,
        "suggestions": contact.suggestions,
        "understood": {
            "emails": contact.emails,
            "phones": contact.phones,
            "addresses": contact.addresses,
            "birthday": contact.birthday,
        },
    }
