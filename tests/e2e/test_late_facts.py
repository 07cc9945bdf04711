"""Goal: no answer is missed although every stage is killed while answers arrive.

Method: the real system, a provider that answers after random times, each stage killed with -9 twice in a random order
(`python -m tests.bench.late_facts` does it at the size of the promise). The control that wakes by the event instead of
by comparison is in tests/integration/enrich/test_no_answer_is_missed.py.
"""

from pathlib import Path

from tests.support.late_facts import AT_ONCE, PER_COMPANY, late_facts

RECORDS = 480


async def test_no_contact_stays_unknown_although_every_stage_dies(system_folder: Path) -> None:
    outcome = await late_facts(system_folder, RECORDS, rounds=2, seed=11)
    assert (outcome.contacts, outcome.unknown, outcome.wrong) == (RECORDS, 0, 0)
    assert outcome.companies == RECORDS // PER_COMPANY
    assert outcome.companies <= outcome.asked <= outcome.companies + AT_ONCE * outcome.kills["enrich"]
