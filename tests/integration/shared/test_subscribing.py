"""Goal: the program of docs/subscribing.md ends with the present, whatever was repeated, late, merged or split.

Method: its very text, run against a real Kafka; the messages are those of rules, the history is drawn by a seed, and
what should be there is kept beside it.
"""

import random
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.rules.core.happenings import Tombstone, cleaned, tombstone
from shared.domain.contact import Cause, Contact, Member, Name
from shared.domain.ids import derived_id
from shared.domain.outcome import Outgoing
from shared.runtime import codec
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.settings import KafkaSettings
from shared.topology import CLEAN
from tests.support.stack import Stack
from tests.unit.rules.build import NOW

PAGE = Path(__file__).parents[3] / "docs" / "subscribing.md"
PEOPLE = 12
STEPS = 150


def program() -> str:
    """The program as the page has it."""
    block = re.search(r"<!-- subscriber -->\n```python\n(.*?)```\n<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    return block[1]


def run(text: str) -> dict[str, Any]:
    """What the program defines."""
    names: dict[str, Any] = {}
    exec(compile(text, "docs/subscribing.md", "exec"), names)
    return names


class History:
    """People who change, merge, come apart and go, and every word that is said of it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.versions = {derived_id("person", str(number)): 0 for number in range(PEOPLE)}
        self.present: dict[str, int] = {}
        self.merged: dict[str, str] = {}
        self.said: list[Outgoing] = []

    def step(self) -> None:
        """One thing happens, and often an old word is said once more."""
        contact = self.chance.choice([*self.versions])
        others = sorted(self.present.keys() - {contact})
        if contact not in self.present or self.chance.random() < 0.5:
            self.speak(contact)
        elif others and self.chance.random() < 0.7:
            self.retire(contact, "merged", self.chance.choice(others))
        else:
            self.retire(contact, "deleted", None)
        if self.chance.random() < 0.6:
            self.said.append(self.chance.choice(self.said))

    def speak(self, contact: str) -> None:
        """The contact is there, perhaps again."""
        version = self._next(contact)
        self.present[contact] = version
        self.merged.pop(contact, None)
        self.said.append(cleaned(a_contact(contact, version)))

    def retire(self, contact: str, reason: str, into: str | None) -> None:
        """The contact is gone."""
        version = self._next(contact)
        self.present.pop(contact)
        if into is not None:
            self.merged[contact] = into
        self.said.append(tombstone(Tombstone(contact, version, reason, NOW, into, self.present.get(into or ""))))

    def home(self, contact: str) -> str:
        """Where an id leads."""
        while contact in self.merged:
            contact = self.merged[contact]
        return contact

    def _next(self, contact: str) -> int:
        self.versions[contact] += self.chance.randint(1, 3)
        return self.versions[contact]


def a_contact(contact_id: str, version: int) -> Contact:
    return Contact(
        contact_id=contact_id,
        version=version,
        created_at=NOW,
        updated_at=NOW,
        cause=Cause(kind="record", id=derived_id("cause", contact_id, str(version))),
        name=Name(full=f"Version {version}"),
        records=(Member(source="webform", record_id=derived_id("record", contact_id)),),
    )


@pytest.fixture
async def broker(stack: Stack, topic_prefix: str) -> AsyncIterator[KafkaBroker]:
    """A Kafka with the topics of this test."""
    broker = KafkaBroker(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), topic_prefix, topic_prefix)
    admin = broker.admin()
    await admin.ensure_topics(3, 1)
    yield broker
    await admin.close()


async def say(broker: KafkaBroker, says: Sequence[Outgoing]) -> None:
    producer = broker.producer()
    await producer.start()
    for one in says:
        await producer.send([codec.draft(one)])
    await producer.stop()


async def followed(text: str, stack: Stack, topic: str, messages: int) -> Any:
    """The contacts of the program after so many messages."""
    names = run(text)
    contacts = names["Contacts"]()
    taken = 0
    async for _ in names["follow"](contacts, stack.bootstrap_servers, topic):
        taken += 1
        if taken == messages:
            break
    return contacts


def differences(contacts: Any, history: History) -> list[str]:
    """The ids of which the program has another idea than the history."""
    return [
        contact
        for contact in history.versions
        if (contacts.find(contact) or {}).get("version") != history.present.get(history.home(contact))
    ]


async def test_the_program_of_the_page_ends_with_the_present_whatever_was_repeated_or_late(
    stack: Stack, broker: KafkaBroker, topic_prefix: str
) -> None:
    history = History(seed=9)
    for _ in range(STEPS):
        history.step()
    late = history.chance.sample(history.said, 40)
    history.said += late
    assert history.merged
    assert len(history.said) > STEPS + len(late)
    await say(broker, history.said)
    topic = topic_prefix + CLEAN.name
    contacts = await followed(program(), stack, topic, len(history.said))
    assert differences(contacts, history) == []
    assert {one: said["version"] for one, said in contacts.present.items()} == history.present
    assert contacts.merged == history.merged
    careless = program().replace("if version <= self.versions.get(contact_id, 0):", "if False:")
    assert careless != program()
    assert differences(await followed(careless, stack, topic, len(history.said)), history) != []
