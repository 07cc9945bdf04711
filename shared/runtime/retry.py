"""Retry: how long to wait before trying the world again. Pure; the dice are an argument."""

from typing import Final

FIRST_PAUSE_S: Final = 0.1
"""A broker that restarts is often back within a second; waiting longer at first only adds latency."""

PAUSE_MAX_S: Final = 5.0
"""Long enough not to storm what is down, short enough to be back within seconds after it is."""


def pause_s(attempt: int, dice: float) -> float:
    """Seconds to wait after the given failed attempt (1 is the first), with full jitter; 0 <= dice < 1.

    Doubles from FIRST_PAUSE_S up to PAUSE_MAX_S; the jitter takes between half and all of it ("Exponential Backoff And
    Jitter", M. Brooker, AWS Architecture Blog 2015, "equal jitter"), so that it never returns 0.
    """
    ceiling = min(PAUSE_MAX_S, FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 16))
    return ceiling * (0.5 + dice / 2)
