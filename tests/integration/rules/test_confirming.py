"""The mail of a double opt-in: to the address that was asked for, with a link that opens, and not too often."""

from datetime import timedelta
from typing import Any

from services.rules.core.loading import rulebook
from services.rules.core.rulebook import Rulebook
from shared.domain.configuration import Channel, Mail, OptIn, Rule, Source, Then
from shared.domain.contact import Asking, ConsentState, Email
from shared.domain.opt_in import VALID_FOR, opened
from shared.runtime.database import Database
from tests.integration.rules.office import Office
from tests.integration.rules.world import enriched, retired
from tests.support.mailbox import Mailbox
from tests.unit.rules.build import NOW, a_contact, an_id

SECRET = "s" * 32
SOURCE = Source(
    connector="form", secrets=(SECRET,), public_url="https://crm.example.org/hooks/fair",
    opt_in=OptIn(purpose="newsletter", text="Ja, gern."),
)  # fmt: skip
RULE = Rule(name="ask", then=Then(mail=Mail(purpose="newsletter", template="confirm", confirms=True)))


def book(box: Mailbox) -> Rulebook:
    """Who is asked for is asked."""
    channels = {"mail": Channel(smtp=f"smtp://127.0.0.1:{box.port}", from_="crm@example.de")}
    return rulebook([RULE], channels, {"confirm.de": "Subject: Bitte\n\n{{ confirm_link }}\n"}, {"fair": SOURCE})


def wish(record: str = "one", status: str = "pending", address: str = "neu@beispiel.de") -> ConsentState:
    """What a form asked for."""
    asked = Asking(source="fair", record_id=an_id(record), at=NOW)
    return ConsentState(purpose="newsletter", channel="email", address=address, status=status, asked=asked)


async def arrives(office: Office, who: str = "anna", version: int = 1, **what: Any) -> None:
    """A contact with a wish, and whoever it is that sends looks."""
    await office.process.take(enriched(a_contact(who, version=version, **what)))
    await office.timers.run()
    await office.later()


async def test_the_mail_goes_to_the_address_that_was_asked_for_with_a_link_that_opens(
    tables: Database, box: Mailbox
) -> None:
    office = Office(tables, book(box))
    await arrives(office, consents=(wish(),), emails=(Email(value="anna@beispiel.de", preferred=True),))
    (mail,) = box.mails
    assert mail["to"] == "neu@beispiel.de"
    link = mail.get_content().strip()
    assert link.startswith("https://crm.example.org/hooks/fair/opt_")
    assert opened(link.rpartition("/")[2], (SECRET,), "fair", "newsletter", NOW + VALID_FOR) == an_id("one")
    assert await office.ended() == ["sent"]


async def test_the_same_asking_is_mailed_once_whatever_else_changes(tables: Database, box: Mailbox) -> None:
    office = Office(tables, book(box))
    await arrives(office, consents=(wish(),))
    await arrives(office, version=2, consents=(wish(),), job_title="Leiterin")
    assert len(box.mails) == 1


async def test_a_confirmed_consent_ends_the_mail(tables: Database, box: Mailbox) -> None:
    office = Office(tables, book(box))
    box.answers = ["451 later"]
    await arrives(office, consents=(wish(),))
    granted = ConsentState(purpose="newsletter", channel="email", address="neu@beispiel.de", status="granted")
    await office.process.take(enriched(a_contact(version=2, consents=(granted,))))
    await office.later(60)
    assert not box.mails
    assert await office.ended() == ["answered"]


async def test_an_inbox_is_asked_once_an_hour_whichever_contact_names_it(tables: Database, box: Mailbox) -> None:
    office = Office(tables, book(box))
    await arrives(office, "anna", consents=(wish("one"),))
    for number in range(5):
        flood = wish(f"flood {number}", address="NEU@beispiel.de")
        await arrives(office, f"stranger {number}", consents=(flood,))
    assert len(box.mails) == 1
    assert sorted(str(one) for one in await office.ended()) == ["sent", *["too-soon"] * 5]
    office.clock.time += timedelta(hours=1)
    await arrives(office, "bert", consents=(wish("second"),))
    assert len(box.mails) == 2, "an hour later it may be asked again"
    office.clock.time += timedelta(hours=1, minutes=59)
    await arrives(office, "carl", consents=(wish("third"),))
    assert len(box.mails) == 2, "then not for two"
    office.clock.time += timedelta(minutes=2)
    await arrives(office, "dora", consents=(wish("fourth"),))
    assert len(box.mails) == 3
    await arrives(office, "emil", consents=(wish("other", address="emil@beispiel.de"),))
    assert len(box.mails) == 4, "another inbox is another matter"


async def test_a_mail_that_is_tried_again_is_no_second_one(tables: Database, box: Mailbox) -> None:
    office = Office(tables, book(box))
    box.answers = ["451 later", "451 later"]
    await arrives(office, consents=(wish(),))
    await office.later(60)
    await office.later(600)
    assert len(box.mails) == 1
    assert await office.ended() == ["sent"]


async def test_what_stands_for_an_inbox_goes_with_the_erased_and_names_nobody(tables: Database, box: Mailbox) -> None:
    office = Office(tables, book(box))
    await arrives(office, consents=(wish(),))
    rows = await tables.fetch("SELECT a::text AS text FROM rules.asked a")
    assert len(rows) == 1
    assert "beispiel" not in rows[0]["text"]
    await office.process.take(retired("anna", 2, reason="erased"))
    assert await tables.fetch("SELECT FROM rules.asked") == []
