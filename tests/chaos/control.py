"""Three negative controls: without its guard the system must fail the experiment, or the experiment shows nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.plan import ROOT
from tests.chaos.faults import Fault
from tests.chaos.running import Wish

FOLDER: Final = Path(__file__).parent / "controls"

KILL_AFTER_S: Final = 3.0
"""Behind the first deliveries: also the last stage has had a batch, and has the next in hand."""

EVENTS: Final = 700
SEED: Final = 11


def _kills(*services: str) -> tuple[Fault, ...]:
    return tuple(Fault("kill", service, pick, after_s=KILL_AFTER_S) for service in services for pick in (0.0, 0.9))


CONTROLS: Final[Mapping[str, tuple[str, tuple[Fault, ...]]]] = {
    "once": ("no insert-once rows", _kills("rules", "rules")),
    "locks": ("no locks", _kills("validate")),
    "order": ("commit before produce", _kills("validate", "enrich", "rules")),
}
"""By the name of the guard that is missing: what that means, and what is killed so that it is missed."""


def wish(name: str) -> Wish:
    """The run in which this guard is missing."""
    _, faults = CONTROLS[name]
    broken = {"CHAOS_WITHOUT": name, "PYTHONPATH": f"{FOLDER}:{ROOT}"}
    return Wish(EVENTS, len(faults), SEED, broken, faults)
