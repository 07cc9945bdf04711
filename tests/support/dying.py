"""A process of a service that some messages kill, started again as often as it dies, as a supervisor would.

`python -m tests.support.dying VICTIM…`: runs validate with a stage that passes messages on; the process exits on the
spot when it decides on one whose subject is a VICTIM. SIGTERM asks the present life to end, and is the end. Its world
comes from the environment. Each life is forked from one that has imported everything, as those of `up` are.
"""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from shared.domain.outcome import Forward, Outcome, Outgoing
from shared.runtime.service import Service, World, main
from shared.runtime.stage import Taken
from shared.topology import VALIDATED
from tests.unit.runtime.fixtures import Passing

LIVES_MAX = 20


def passed(one: Taken) -> Outcome:
    """On to the next topic."""
    return Forward((Outgoing(VALIDATED, one.event.subject, one.event),))


def run(victims: frozenset[str]) -> int:
    """One life."""

    async def dies(batch: Sequence[Taken]) -> None:
        if any(one.event.subject in victims for one in batch):
            os._exit(139)

    async def build(_: World) -> Service:
        return Service(name="validate", stage=Passing(decide=passed, before=dies))

    return main("validate", build)


def lives(victims: frozenset[str]) -> int:
    """How often it died before a life ended by itself."""
    children: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        os.kill(children[-1], number)

    signal.signal(signal.SIGTERM, hand_on)
    for deaths in range(LIVES_MAX):
        child = os.fork()
        if child == 0:
            os._exit(run(victims))
        children.append(child)
        if os.waitpid(child, 0)[1] == 0:
            return deaths
    raise SystemExit("it dies again and again")


if __name__ == "__main__":
    print(f"deaths {lives(frozenset(sys.argv[1:]))}", flush=True)
