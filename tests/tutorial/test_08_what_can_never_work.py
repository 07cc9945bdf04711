"""8. What can never work.

At every stage a message has one of three outcomes, and there is no fourth: it goes on, it is dropped for a reason that
is counted, or it is set aside whole as a *dead letter*. docs/reasons.md lists all reasons.
"""

import pytest

from services.enrich.stage import Enrich
from services.validate.core.standards import Standards
from services.validate.stage import Validate
from shared.domain.contact import Cause
from shared.domain.events import Event, RefreshRequested, Snapshot
from shared.runtime.broker import Draft
from shared.runtime.dead_letter import CONSECUTIVE_MAX
from shared.runtime.stage import Halted
from shared.topology import DEAD_LETTERS, ENRICHED, RESOLVED, VALIDATED, Type
from tests.tutorial.house import NOON, House, contact_of, event_of, record_of, snapshot

ANNA = contact_of(record_of(event_of({"source": "webform", "family_name": "Schulz", "email": "anna@example.de"})))
RUBBISH = Draft(topic=RESOLVED.name, key=b"anna", value=b'{"contact": \xff', headers=(("ce_type", b"?"),))


def validate() -> Validate:
    """The real stage, asking for nothing."""
    return Validate(Standards(), messages_max=50)


async def test_what_nobody_can_read_is_set_aside_and_the_rest_goes_on() -> None:
    """The letter has key, value and headers byte for byte, so that it can be sent again once the cause is mended. The
    reason lies in headers beside them.
    """
    house = await House().open()
    await house.broker.producer().send([RUBBISH])
    await house.say(RESOLVED, snapshot(ANNA))
    await house.run(await house.loop("validate", validate()))

    (letter,) = house.messages(DEAD_LETTERS["validate"])
    assert (letter.key, letter.value) == (RUBBISH.key, RUBBISH.value)
    headers = dict(letter.headers)
    assert headers["ce_type"] == b"?"
    assert (headers["dead-letter-reason"], headers["dead-letter-stage"]) == (b"unreadable", b"validate")

    (said,) = house.events(VALIDATED)
    assert said.subject == ANNA.contact_id


async def test_what_is_none_of_a_stages_business_is_dropped() -> None:
    """Nobody asked validate for a refresh. It is counted as `not-ours`, committed, and no letter."""
    house = await House().open()
    cause = Cause(kind="refresh", id="of a rule")
    stray = Event(
        id="stray", type=Type.REFRESH_REQUESTED, source="/kontaktwerk/tutorial", time=NOON, subject=ANNA.contact_id,
        data=RefreshRequested(contact_id=ANNA.contact_id, cause=cause),
    )  # fmt: skip
    await house.say(RESOLVED, stray)
    await house.run(await house.loop("validate", validate()))
    assert house.messages(VALIDATED) == house.messages(DEAD_LETTERS["validate"]) == []
    assert await house.waiting("validate") == 0


async def test_a_stage_that_sets_everything_aside_stops() -> None:
    """One bad message is the data's fault. A hundred in a row are ours: the release is to blame. The stage stops before
    it drains its topic into the bin; nothing is committed, and a better release finds everything there.
    """
    house = await House().open()
    await house.broker.producer().send([RUBBISH] * (CONSECUTIVE_MAX + 1))
    stage = validate()
    stage.messages_max = CONSECUTIVE_MAX + 1
    with pytest.raises(Halted, match="in a row"):
        await house.run(await house.loop("validate", stage))
    assert house.messages(DEAD_LETTERS["validate"]) == []
    assert await house.waiting("validate") == CONSECUTIVE_MAX + 1


async def test_stages_hand_on_by_topics_and_know_nothing_of_each_other() -> None:
    """What validate says, enrich hears, and that is all they have in common. Version and contact id go through
    unchanged; the id of each event follows from type, contact and version, so whoever says it again says it alike.
    """
    house = await House().open()
    await house.say(RESOLVED, snapshot(ANNA))
    for _ in range(2):
        await house.run(await house.loop("validate", validate()))
        await house.run(await house.loop("enrich", Enrich(messages_max=50)))
        house.broker.group("validate").committed.clear()

    said = house.events(ENRICHED)
    assert len(said) == 2
    assert len({event.id for event in said}) == 1
    assert isinstance(said[0].data, Snapshot)
    assert said[0].data.contact is not None
    assert said[0].data.contact.version == ANNA.version
    assert said[0].data.contact.company.domain == "example.de"
