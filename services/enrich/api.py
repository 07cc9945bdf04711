"""The HTTP door of enrich: who is asked, and how that goes."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from services.enrich.core.asking import Asked
from services.enrich.core.meter import state, used
from services.enrich.store import Row, Store
from shared.runtime.access import Role, require
from shared.runtime.clock import Clock
from shared.runtime.http import json_response


def router(store: Store, providers_now: Callable[[], Sequence[Asked]], clock: Clock) -> APIRouter:
    """The routes of enrich."""
    routes = APIRouter(tags=["enrich"])

    @routes.get("/v1/providers", dependencies=[require(Role.READER)])
    async def all_providers() -> Response:
        """The providers, surest first, with the state of their breaker, their budget of today (UTC) and hit rate."""
        providers = providers_now()
        rows = await store.rows([one.name for one in providers])
        now = clock.now()
        return json_response({"items": [shown(one, rows[one.name], now) for one in providers], "next": None})

    return routes


def shown(asked: Asked, row: Row, now: datetime) -> dict[str, Any]:
    """One provider as it is shown; `hit_rate` is the share of answers that knew something, null before the first."""
    counts, meter = row.counts, row.meter
    answers = counts.answered + counts.nothing
    breaker = state(meter, now)
    spent = used(meter, now)
    day = asked.limits.day
    return {
        "name": asked.name,
        "asks": asked.asks,
        "fills": sorted(asked.fills),
        "breaker": breaker,
        "open_until": meter.open_until if breaker == "open" else None,
        "rate_per_s": asked.limits.rate_per_s,
        "budget": {"day": day, "used": spent, "left": None if day is None else max(0, day - spent)},
        "answered": counts.answered,
        "nothing": counts.nothing,
        "failed": counts.failed,
        "hit_rate": counts.answered / answers if answers else None,
        "last_error": counts.last_error,
        "last_error_at": counts.last_error_at,
    }
