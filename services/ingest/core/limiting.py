"""Limiting: how much may come, as `10/min` in sources.yaml says: of one visitor of a form, or of a source."""

from collections import OrderedDict, deque
from hashlib import blake2b
from typing import Final

VISITORS_MAX: Final = 10_000
"""Remembered at once, by process; whoever came longest ago is forgotten first."""

_ROUNDING_S: Final = 1e-6

UNITS_S: Final = {"s": 1.0, "min": 60.0, "h": 3_600.0}


class Visits:
    """Who came when, of one source. Keeps no address, only what stands for it in this process."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._seen: OrderedDict[bytes, deque[float]] = OrderedDict()

    def wait_s(self, visitor: str, limit: str, now_s: float) -> float:
        """0 and the visit counts; else how long this visitor has to wait until one more fits into `limit`.

        Of the window that ends now (a second, minute or hour) at most so many visits count, and those refused do not.
        """
        number, _, unit = limit.partition("/")
        span_s, name = UNITS_S[unit], blake2b(visitor.encode(), key=self._salt, digest_size=16).digest()
        visits = self._seen.setdefault(name, deque(maxlen=int(number)))
        self._seen.move_to_end(name)
        if len(self._seen) > VISITORS_MAX:
            self._seen.popitem(last=False)
        if len(visits) == int(number) and now_s - visits[0] < span_s:
            return span_s - (now_s - visits[0])
        visits.append(now_s)
        return 0.0


class Allowances:
    """How much each source may still send: a store that holds what the limit gives in its span, and fills evenly."""

    def __init__(self) -> None:
        self._full_at: dict[tuple[str, str], float] = {}

    def wait_s(self, source: str, limit: str, count: int, now_s: float) -> float:
        """0 and so many are taken; else how long until they are there. A request for more than the store ever holds is
        let through when it is full, and those behind it wait the longer.
        """
        number, _, unit = limit.partition("/")
        span_s = UNITS_S[unit]
        lacks_s = max(0.0, self._full_at.get((source, limit), now_s) - now_s)
        takes_s = count * span_s / int(number)
        wait_s = min(lacks_s, lacks_s + takes_s - span_s)
        if wait_s > _ROUNDING_S:
            return wait_s
        self._full_at[source, limit] = now_s + lacks_s + takes_s
        return 0.0
