"""Rules that ask for a consent: what is refused when they are loaded, and when they are open."""

from datetime import timedelta

import pytest

from services.rules.core.activity import NO_ACTIVITY
from services.rules.core.loading import InvalidRules, rulebook
from services.rules.core.rulebook import Rulebook
from services.rules.core.schema import Change
from shared.domain.configuration import At, Channel, Mail, Notify, OptIn, Rule, Source, Then
from shared.domain.contact import Asking, ConsentState, Contact, Email
from shared.domain.opt_in import VALID_FOR
from tests.unit.rules.build import NOW, a_contact, an_id

CHANNELS = {"mail": Channel(smtp="smtp://localhost", from_="crm@example.de", to="team@example.de")}
TEXTS = {"confirm.de": "Subject: Bitte\n\n{{ confirm_link }}\n", "plain.de": "Subject: x\n\n{{ greeting }}\n"}
SOURCES = {"fair": Source(connector="form", opt_in=OptIn(purpose="newsletter", text="Ja"))}
ASKS = Rule(name="ask", then=Then(mail=Mail(purpose="newsletter", template="confirm", confirms=True)))


def faults(rule: Rule, texts: dict[str, str] | None = None, sources: dict[str, Source] | None = None) -> str:
    """What is said of a rule."""
    with pytest.raises(InvalidRules) as error:
        rulebook([rule], CHANNELS, texts or TEXTS, sources or {})
    return str(error.value)


def waiting(status: str = "pending", address: str = "anna@beispiel.de", ago_s: float = 60.0) -> ConsentState:
    """A consent that a form asked for."""
    asked = Asking(source="fair", record_id=an_id("asking"), at=NOW - timedelta(seconds=ago_s))
    return ConsentState(purpose="newsletter", channel="email", address=address, status=status, asked=asked)


def asks(contact: Contact) -> list[str]:
    """The occasions at which a contact would be asked."""
    book: Rulebook = rulebook([ASKS], CHANNELS, TEXTS, SOURCES)
    holding = book.holding(contact, Change(kind="record"), NO_ACTIVITY, NOW, frozenset())
    return [one.window.occasion for one in holding.open]


def test_whom_a_form_asked_for_is_asked_once_for_the_record() -> None:
    assert asks(a_contact(consents=(waiting(),))) == [an_id("asking")]
    assert asks(a_contact(consents=(waiting("withdrawn"),))) == [an_id("asking")]


def test_without_asking_nobody_is_asked() -> None:
    imported = ConsentState(purpose="newsletter", channel="email", address="anna@beispiel.de", status="pending")
    assert asks(a_contact(consents=(imported,))) == []


def test_nobody_is_asked_for_longer_than_the_link_opens() -> None:
    assert asks(a_contact(consents=(waiting(ago_s=VALID_FOR.total_seconds() - 1),))) != []
    assert asks(a_contact(consents=(waiting(ago_s=VALID_FOR.total_seconds()),))) == []


def test_a_dead_address_is_not_asked() -> None:
    dead = (Email(value="Anna@beispiel.de", status="bounced"),)
    assert asks(a_contact(consents=(waiting(),), emails=dead)) == []
    assert asks(a_contact(consents=(waiting(address="no address"),))) == []


def test_a_confirming_mail_says_nothing_that_was_typed_into_a_form() -> None:
    for place in ("greeting", "contact.name.given", "contact.attributes.note"):
        texts = {"confirm.de": f"Subject: Bitte\n\n{{{{ confirm_link }}}} {{{{ {place} }}}}\n"}
        assert f"{{{{ {place} }}}} beside" in faults(ASKS, texts)


def test_a_mail_that_confirms_has_the_link_in_every_language_and_no_other_mail_has() -> None:
    asks_plainly = Rule(name="ask", then=Then(mail=Mail(purpose="newsletter", template="plain", confirms=True)))
    assert "confirms nothing without the place {{ confirm_link }}" in faults(asks_plainly)
    half = {**TEXTS, "confirm.en": "Subject: Please\n\nconfirm\n"}
    assert "in some languages only" in faults(ASKS, half)
    other = Rule(name="birthday", when="true", then=Then(mail=Mail(purpose="birthday", template="confirm")))
    assert "which only `confirms: true` fills" in faults(other)
    ours = Rule(name="told", when="true", then=Then(notify=Notify(channel="mail", template="confirm")))
    assert "asks for a confirmation" in faults(ours)


def test_a_date_beside_it_is_refused() -> None:
    dated = Rule(name="ask", at=At(anniversary="birthday"), then=ASKS.then)
    assert "at: says nothing beside confirms" in faults(dated)


def test_a_form_whose_mail_no_rule_sends_is_named() -> None:
    other = Rule(name="quiet", when="true", then=Then(segment="all"))
    assert "sources.fair.opt_in: no rule asks for the confirmation" in faults(other, sources=SOURCES)
