"""Goal: what was requested arrives, signed or by mail, under one id; and where it cannot, we know why and stop.

Method: a real Postgres, a mail server and a receiver of web hooks on this machine, a clock by hand.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from aiohttp import web

from services.rules.core.delivering import PAUSES_S
from services.rules.core.loading import rulebook
from services.rules.core.rulebook import Rulebook
from services.rules.deliveries import LEASE_S
from shared.domain.configuration import Channel, Mail, Notify, Rule, Then
from shared.domain.contact import ConsentState
from shared.runtime.database import Database
from tests.integration.rules.office import GRANTED, Office
from tests.integration.rules.world import enriched, retired
from tests.support.mailbox import Hook, Mailbox, hook
from tests.unit.rules.build import a_contact, an_id

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TEXTS = {
    "welcome.de": "Subject: Schön, dass Sie da sind, {{ contact.name.given }}\n\n{{ greeting }},\nÄpfel & Öl.\n",
    "welcome.en": "Subject: Welcome\n\n{{ greeting }}, {{ contact.attributes.hobby | no hobby }}.\n",
}
ONCE = "at-most-once"


@pytest.fixture
async def receiver() -> AsyncIterator[Hook]:
    """A receiver of web hooks."""
    async with hook() as receiver:
        yield receiver


def by_mail(box: Mailbox, how: Any = "at-least-once") -> Rulebook:
    """Everybody is welcomed, by mail."""
    channels = {"mail": Channel(smtp=f"smtp://127.0.0.1:{box.port}", from_="Wir <crm@example.de>")}
    rule = Rule(name="welcome", when="true", then=Then(mail=Mail(purpose="service", template="welcome")), delivery=how)
    return rulebook([rule], channels, TEXTS)


def by_hook(receiver: Hook, template: str | None = None) -> Rulebook:
    """Everybody is told of, by web hook."""
    channels = {"sales": Channel(webhook=receiver.url, secret=SECRET)}
    rule = Rule(name="told", when="true", then=Then(notify=Notify(channel="sales", template=template)))
    return rulebook([rule], channels, TEXTS)


def to_us(box: Mailbox, to: str | None) -> Rulebook:
    """Our own people are told, by mail."""
    channel = Channel(
        smtp=f"smtp://127.0.0.1:{box.port}", from_="crm@example.de", to="team@example.de" if to is None else None,
        owners={"bert": "bert@example.de"},
    )  # fmt: skip
    rule = Rule(name="told", when="true", then=Then(notify=Notify(channel="mail", to=to, template="welcome")))
    return rulebook([rule], {"mail": channel}, TEXTS)


async def test_a_mail_arrives_in_the_language_of_the_contact(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    await office.say(language="de")
    await office.later()
    (mail,) = box.mails
    assert mail["to"] == "anna@beispiel.de"
    assert mail["from"] == "Wir <crm@example.de>"
    assert mail["subject"] == "Schön, dass Sie da sind, Anna"
    assert mail.get_content().replace("\r\n", "\n") == "Guten Tag Anna Müller,\nÄpfel & Öl.\n"
    assert await office.ended() == ["sent"]
    await office.process.take(enriched(a_contact("bert", version=1, consents=(GRANTED,), language="en-GB")))
    await office.timers.run()
    await office.later()
    assert box.mails[1]["subject"] == "Welcome"
    assert "no hobby." in box.mails[1].get_content()


async def test_a_mail_that_was_taken_and_not_said_to_be_comes_again_under_the_same_id(
    tables: Database, box: Mailbox
) -> None:
    office = Office(tables, by_mail(box))
    box.drops_after_data = 1
    await office.say()
    await office.later()
    assert await office.ended() == [None]
    await office.later(PAUSES_S[0] * 1.1)
    assert len({mail["message-id"] for mail in box.mails}) == 1
    assert len(box.mails) == 2
    assert await office.ended() == ["sent"]


async def test_at_most_once_is_not_tried_again_where_it_may_have_arrived(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box, ONCE))
    box.drops_after_data = 1
    await office.say()
    await office.later()
    await office.later(10 * LEASE_S)
    assert len(box.mails) == 1
    assert await office.ended() == ["unsure"]


@pytest.mark.parametrize(("how", "mails"), [("at-least-once", 1), (ONCE, 0)])
async def test_who_dies_while_sending_leaves_it_to_another_or_to_nobody(
    tables: Database, box: Mailbox, how: str, mails: int
) -> None:
    dying, other = Office(tables, by_mail(box, how)), Office(tables, by_mail(box, how))
    await dying.say()
    now = dying.clock.time
    assert await dying.process.store.take_deliveries(now, now + timedelta(seconds=LEASE_S), 10), "and nothing more"
    other.clock.time = now
    await other.later()
    assert not box.mails, "the lease holds"
    await other.later(LEASE_S + 1)
    assert len(box.mails) == mails


async def test_a_zombie_whose_lease_is_over_writes_nothing(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    await office.say()
    now = office.clock.time
    (old,) = await office.process.store.take_deliveries(now, now, 10)
    await office.process.store.take_deliveries(now, now + timedelta(seconds=LEASE_S), 10)
    await office.process.store.note_attempt(old, "sent", now)
    assert await office.ended() == [None]


@pytest.mark.parametrize(("answer", "ended"), [("550 no such user", "refused"), ("451 come again", None)])
async def test_a_no_for_good_ends_it_and_a_no_for_now_does_not(
    tables: Database, box: Mailbox, answer: str, ended: str | None
) -> None:
    office = Office(tables, by_mail(box))
    box.answers = [answer]
    await office.say()
    await office.later()
    assert await office.ended() == [ended]


async def test_a_consent_that_was_withdrawn_meanwhile_stops_the_mail(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    await office.say()
    gone = ConsentState(purpose="service", channel="email", address="anna@beispiel.de", status="withdrawn")
    await office.process.take(enriched(a_contact(version=2, consents=(gone,))))
    await office.later()
    assert not box.mails
    assert await office.ended() == ["no-consent"]


async def test_nobody_writes_to_who_is_gone(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    await office.say()
    await office.process.take(retired("anna", 2))
    await office.later()
    assert not box.mails
    assert await office.ended() == ["no-contact"]


@pytest.mark.parametrize("how", ["at-least-once", ONCE])
async def test_what_was_requested_for_a_contact_that_was_merged_goes_to_the_present_one(
    tables: Database, box: Mailbox, how: str
) -> None:
    office = Office(tables, by_mail(box, how))
    await office.say()
    await office.process.take(retired("anna", 2, "merged", into="bert"))
    await office.later()
    assert await office.ended() == [None], "whom it was merged into is on its way"
    both = ConsentState(purpose="service", channel="email", address="bert@beispiel.de", status="granted")
    await office.process.take(enriched(a_contact("bert", merged_from=(an_id("anna"),), consents=(GRANTED, both))))
    await office.later(PAUSES_S[0] * 1.1)
    assert [mail["to"] for mail in box.mails] == ["anna@beispiel.de"]


@pytest.mark.parametrize(
    ("to", "owner", "recipient"),
    [
        ("owner", "bert", "bert@example.de"),
        ("owner", "carl@example.de", "carl@example.de"),
        ("chef@example.de", None, "chef@example.de"),
        (None, None, "team@example.de"),
        ("owner", "nobody", None),
    ],
)
async def test_our_own_people_are_told_by_name_by_owner_or_by_channel(
    tables: Database, box: Mailbox, to: str | None, owner: str | None, recipient: str | None
) -> None:
    office = Office(tables, to_us(box, to))
    await office.say(owner=owner)
    await office.later()
    assert [mail["to"] for mail in box.mails] == ([] if recipient is None else [recipient])
    assert await office.ended() == ["no-recipient" if recipient is None else "sent"]


async def test_a_web_hook_is_signed_as_standard_webhooks_says_and_says_ids_only(
    tables: Database, receiver: Hook
) -> None:
    office = Office(tables, by_hook(receiver))
    await office.say()
    await office.later()
    ((headers, body),) = receiver.got
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    said = json.loads(body)
    assert said["type"] == "notification.requested"
    assert set(said["data"]) == {"contact_id", "version", "rule", "occasion", "requested_at"}
    assert await office.ended() == ["sent"]
    await office.client.close()


async def test_a_web_hook_with_a_template_says_its_words(tables: Database, receiver: Hook) -> None:
    office = Office(tables, by_hook(receiver, "welcome"))
    await office.say(language="de")
    await office.later()
    assert json.loads(receiver.got[0][1])["data"]["text"].startswith("Guten Tag Anna Müller")
    await office.client.close()


async def test_a_web_hook_that_fails_is_tried_again_with_growing_pauses_under_one_id_and_then_given_up(
    tables: Database, receiver: Hook
) -> None:
    office = Office(tables, by_hook(receiver))
    receiver.answers = [lambda: web.Response(status=500)] * 99
    await office.say()
    await office.later()
    for pause_s in PAUSES_S:
        await office.later(pause_s * 0.9)
        await office.later(pause_s * 0.3)
    assert len(receiver.got) == len(PAUSES_S) + 1
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert await office.ended() == ["exhausted"]
    await office.client.close()


async def test_a_web_hook_that_asks_to_wait_is_not_asked_before(tables: Database, receiver: Hook) -> None:
    office = Office(tables, by_hook(receiver))
    receiver.answers = [lambda: web.Response(status=503, headers={"retry-after": "600"})]
    await office.say()
    await office.later()
    await office.later(599)
    assert len(receiver.got) == 1
    await office.later(2)
    assert len(receiver.got) == 2
    await office.client.close()


@pytest.mark.parametrize(("status", "ended"), [(410, "refused"), (302, None), (404, None)])
async def test_gone_is_for_good_and_a_redirect_is_not_followed(
    tables: Database, receiver: Hook, status: int, ended: str | None
) -> None:
    office = Office(tables, by_hook(receiver))
    receiver.answers = [lambda: web.Response(status=status, headers={"location": receiver.url})]
    await office.say()
    await office.later()
    assert len(receiver.got) == 1
    assert await office.ended() == [ended]
    await office.client.close()


async def test_two_processes_send_each_notification_once(tables: Database, receiver: Hook) -> None:
    one, other = Office(tables, by_hook(receiver)), Office(tables, by_hook(receiver))
    await one.process.take(*(enriched(a_contact(f"person-{number}")) for number in range(60)))
    await one.timers.run()
    other.clock.time = one.clock.time
    await asyncio.gather(one.deliveries.run(), other.deliveries.run())
    assert len(receiver.got) == len({headers["webhook-id"] for headers, _ in receiver.got}) == 60
    await asyncio.gather(one.client.close(), other.client.close())


async def test_neither_log_nor_table_holds_an_address_or_a_name(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    box.answers = ["550 anna@beispiel.de is unknown", "550 no"]
    with structlog.testing.capture_logs() as logs:
        await office.say()
        await office.later()
    assert [(one["reason"], one["given_up"]) for one in logs] == [("refused", True)]
    rows = await tables.fetch(
        "SELECT d::text AS text FROM rules.delivery d UNION ALL SELECT f::text FROM rules.firing f"
    )
    for text in (str(logs), *(row["text"] for row in rows)):
        assert "beispiel" not in text
        assert "Anna" not in text


async def test_the_timeline_says_which_rule_requested_what_and_how_it_ended(tables: Database, box: Mailbox) -> None:
    office = Office(tables, by_mail(box))
    await office.say()
    await office.later()
    entries = await office.process.store.timeline([an_id("anna")], [], None, 10)
    (told,) = [one.said for one in entries if one.kind == "notification"]
    assert told["notification_id"] == box.mails[0]["message-id"].strip("<>").partition("@")[0]
    del told["notification_id"]
    assert told == {"rule": "welcome", "part": "mail", "occasion": "once", "state": "sent", "attempts": 1}
