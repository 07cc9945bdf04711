"""Rules are changed while everything runs and people arrive: nobody restarts anything, and everybody is judged anew.

The figures are those of `python -m tests.bench.revisions`; here the same experiment is small, and nothing is timed.
"""

from pathlib import Path

from tests.support.revising import revising

CONTACTS = 150


async def test_a_changed_rule_reaches_everybody_without_a_restart(system_folder: Path) -> None:
    found = await revising(system_folder, CONTACTS, rate=20, seconds=2, seed=7)
    assert found.revised == found.contacts
    assert (found.job["number"], found.job["concerns"]) == (2, ["rules"])
    assert found.job["asked"] >= CONTACTS
    assert found.before
    assert found.beside
    assert (found.books["accepted"], found.books["waiting"]) == (found.books["in_contacts"], 0)
