"""Phases: what a run does, one after the other, and what it tells of it."""

from enum import StrEnum


class Phase(StrEnum):
    """Each goes through the records or contacts in the order of their ids, and may be cut off anywhere."""

    COUNTING = "counting"
    """How common names are, which addresses are shared: a snapshot, which begins a new epoch."""
    SETTLING = "settling"
    """Waits for transactions that began under the epoch before."""
    COMPARING = "comparing"
    """Every record is compared anew under the new epoch."""
    GROUPING = "grouping"
    """Whole components are decided again, with everything known about them at once."""
    SAYING = "saying"
    """Waits until all that changed is said."""
