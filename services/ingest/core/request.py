"""Request: a body of our own senders, taken apart into its elements without losing the good ones to a bad one."""

from typing import Final, NamedTuple

import msgspec

from services.ingest.core.limits import Fault
from shared.domain.record import Json

RECORD_BYTES_MAX: Final = 32 * 1024
"""Contract section 3; a record in words is a kilobyte."""

REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
"""Contract section 3."""

ELEMENTS_MAX: Final = 1_000
"""Contract section 3: what one request may ask to be kept or refused as a whole."""

TOO_LARGE: Final = 413
UNPROCESSABLE: Final = 422
FORBIDDEN: Final = 403


class Refused(NamedTuple):
    """An element (or the whole body) that is no delivery: the status it would have alone, and its faults."""

    status: int
    faults: tuple[Fault, ...]


class Elements(NamedTuple):
    """The elements of a body, each decoded or refused. `array` is False for a single object."""

    array: bool
    values: list[Json | Refused]


def elements_of(body: bytes) -> Elements | Refused:
    """The elements of a body, or why it holds none at all. Never raises, whatever the bytes are."""
    if body.lstrip()[:1] != b"[":
        value = _decoded(body)
        if isinstance(value, Refused) and value.status == UNPROCESSABLE:
            return value
        return Elements(array=False, values=[value])
    try:
        raws = msgspec.json.decode(body, type=list[msgspec.Raw])
    except RecursionError:
        return _refused("the JSON is nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _refused("the body is not JSON in UTF-8")
    if len(raws) > ELEMENTS_MAX:
        return Refused(TOO_LARGE, (Fault("", f"more than {ELEMENTS_MAX} elements"),))
    return Elements(array=True, values=[_decoded(raw) for raw in raws])


def refusal_of(refused: list[tuple[int, Refused]], *, array: bool) -> Refused:
    """The one answer to a request with these bad elements: too large or forbidden only where all of them are."""
    statuses = {one.status for _, one in refused}
    status = statuses.pop() if len(statuses) == 1 else UNPROCESSABLE
    faults = tuple(
        Fault(f"/{place}{fault.pointer}" if array else fault.pointer, fault.detail)
        for place, one in refused
        for fault in one.faults
    )
    return Refused(status, faults)


def _decoded(raw: "bytes | msgspec.Raw") -> Json | Refused:
    if memoryview(raw).nbytes > RECORD_BYTES_MAX:
        return Refused(TOO_LARGE, (Fault("", f"more than {RECORD_BYTES_MAX} bytes"),))
    try:
        return msgspec.json.decode(raw)
    except RecursionError:
        return _refused("the JSON is nested too deeply")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _refused("is not JSON in UTF-8")


def _refused(detail: str) -> Refused:
    return Refused(UNPROCESSABLE, (Fault("", detail),))
