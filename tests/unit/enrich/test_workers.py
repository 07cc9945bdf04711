"""Workers: each provider is asked on its own, and who is configured anew is asked from the next look on."""

import asyncio
from typing import Any

import pytest

from services.enrich.providers.worker import Worker, Workers
from shared.domain.errors import Transient


class Patient(Worker):
    """A worker that is at it until its provider answers."""

    def __init__(self, name: str) -> None:
        named: Any = type("Named", (), {"name": name})
        nothing: Any = None
        super().__init__(named, nothing, nothing, nothing, nothing, "w")

    async def run(self) -> None:
        """Wait for the answer of the moment."""
        self.unwritten.append(self.asked.name)  # type: ignore[arg-type]  # counts the runs
        await self.clock.wait()  # type: ignore[attr-defined]


def worker(name: str, answers: asyncio.Event) -> Patient:
    made = Patient(name)
    made.clock = answers  # type: ignore[assignment]
    return made


async def turn() -> None:
    """Let everybody go on who can."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_slow_provider_delays_no_other() -> None:
    never, always = asyncio.Event(), asyncio.Event()
    always.set()
    slow, quick = worker("slow", never), worker("quick", always)
    workers = Workers([slow, quick])
    for _ in range(3):
        await workers.run()
        await turn()
    assert (len(slow.unwritten), len(quick.unwritten)) == (1, 3)
    never.set()
    await workers.close()


async def test_who_is_taken_out_ends_what_it_is_at_and_is_asked_no_more() -> None:
    answers = asyncio.Event()
    old, new = worker("companies", answers), worker("companies", answers)
    workers = Workers([old])
    await workers.run()
    await turn()
    workers.workers = [new]
    await workers.run()
    await turn()
    assert (len(old.unwritten), len(new.unwritten)) == (1, 0), "two never ask one provider at once"
    answers.set()
    await turn()
    await workers.run()
    await turn()
    assert (len(old.unwritten), len(new.unwritten)) == (1, 1)
    await workers.close()


async def test_what_a_worker_meets_reaches_the_runtime() -> None:
    class Cut(Patient):
        async def run(self) -> None:
            """Postgres is away."""
            raise Transient("away")

    workers = Workers([Cut("companies")])
    await workers.run()
    await turn()
    with pytest.raises(Transient):
        await workers.run()
    await workers.close()
