"""Records and traits made for tests: one line each, with made-up people."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.model import Model, load_model
from services.dedup.core.population import Population
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Consent, Json, Record, Said

START = datetime(2026, 1, 1, tzinfo=UTC)
MODEL_FILE = Path(__file__).parents[3] / "services" / "dedup" / "model.json"


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def record(
    record_id: str,
    source: str = "webform",
    on: int = 0,
    attributes: dict[str, Json] | None = None,
    consents: tuple[Consent, ...] = (),
    **fields: Json,
) -> Record:
    return Record(
        record_id=record_id,
        source=source,
        source_record_id=f"{record_id} of {source}",
        fields={field: Said(value, day(on), "event") for field, value in fields.items()},
        attributes={key: Said(value, day(on), "event") for key, value in (attributes or {}).items()},
        consents=consents,
        first_received_at=START,
    )


def traits(record_id: str = "r", **fields: Json) -> Traits:
    return traits_of(record(record_id, **fields))


@cache
def model() -> Model:
    return load_model(MODEL_FILE.read_bytes())


def between(one: Traits, other: Traits, population: Population | None = None) -> Evidence:
    return compare(one, other, model(), population or Population.default())


def merges(evidence: Evidence) -> bool:
    """True when the evidence joins two records without asking anybody."""
    return evidence.veto is None and evidence.weight >= model().bands.merge_millibits


def offered(evidence: Evidence) -> bool:
    return evidence.veto is None and evidence.weight > model().bands.offer_millibits
