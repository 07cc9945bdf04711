"""The link in the mail of a double opt-in: it opens for whom it was made, for a while, and for nobody else."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.configuration import OptIn, Source
from shared.domain.opt_in import Closed, asked_in, asking, fault_of, link, opened, seal
from shared.domain.record import Consent

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
RECORD = "0b6f2a52-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
OLD, NEW = "o" * 32, "n" * 32
UNTIL = NOW + timedelta(days=7)
SOURCE = Source(
    connector="form",
    key="pk_12345678",
    secrets=(NEW, OLD),
    public_url="https://crm.example.org/hooks/fair",
    opt_in=OptIn(purpose="newsletter", text="Ja, gern."),
)


def test_a_seal_opens_with_any_of_the_secrets_and_with_no_other() -> None:
    sealed = seal(OLD, "fair", "newsletter", RECORD, UNTIL)
    assert opened(sealed, (NEW, OLD), "fair", "newsletter", NOW) == RECORD
    assert opened(sealed, (NEW,), "fair", "newsletter", NOW) is Closed.FORGED
    assert opened(sealed, (), "fair", "newsletter", NOW) is Closed.FORGED


@pytest.mark.parametrize(("source", "purpose"), [("other", "newsletter"), ("fair", "birthday"), ("fairn", "ewsletter")])
def test_a_seal_of_another_source_purpose_or_record_is_forged(source: str, purpose: str) -> None:
    sealed = seal(OLD, "fair", "newsletter", RECORD, UNTIL)
    assert opened(sealed, (OLD,), source, purpose, NOW) is Closed.FORGED


def test_a_seal_opens_until_its_time_and_not_after() -> None:
    sealed = seal(OLD, "fair", "newsletter", RECORD, UNTIL)
    assert opened(sealed, (OLD,), "fair", "newsletter", UNTIL) == RECORD
    assert opened(sealed, (OLD,), "fair", "newsletter", UNTIL + timedelta(seconds=1)) is Closed.EXPIRED


@given(place=st.integers(0, 51), sign=st.characters(codec="ascii"))
def test_no_changed_character_opens(place: int, sign: str) -> None:
    sealed = seal(OLD, "fair", "newsletter", RECORD, UNTIL)
    changed = sealed[:place] + sign + sealed[place + 1 :]
    found = opened(changed, (OLD,), "fair", "newsletter", NOW)
    assert found == (RECORD if changed == sealed else Closed.FORGED)


@given(st.text(max_size=80))
def test_rubbish_is_forged_and_nothing_else(text: str) -> None:
    assert opened(text, (OLD,), "fair", "newsletter", NOW) is Closed.FORGED
    assert opened(f"opt_{text}", (OLD,), "fair", "newsletter", NOW) is Closed.FORGED


def test_a_link_names_no_person_and_is_made_with_the_first_secret() -> None:
    made = link("fair", SOURCE, RECORD, NOW)
    assert made is not None
    assert made.startswith("https://crm.example.org/hooks/fair/opt_")
    assert RECORD not in made
    sealed = made.rpartition("/")[2]
    assert opened(sealed, (NEW,), "fair", "newsletter", NOW) == RECORD
    assert link("fair", Source(connector="form", key="pk_12345678"), RECORD, NOW) is None


def test_only_a_statement_that_asks_is_told_which_record_asks() -> None:
    asked = asked_in({"text": "Ja", "asked": {"source": "fair", "record_id": RECORD}})
    assert asked == ("fair", RECORD)
    assert asked_in({"asked": {"source": "fair", "record_id": "7"}}) is None
    assert asked_in({"asked": {"source": "fair"}}) is None
    assert asked_in("asked") is None
    assert asked is not None
    plain = Consent(purpose="newsletter", channel="email", status="pending", proof={"form": "fair"})
    assert asking(plain, asked, NOW) is plain
    wish = Consent(purpose="newsletter", channel="email", status="pending", proof={"asked": {"source": "another"}})
    kept = asking(wish, asked, NOW)
    assert (kept.at, asked_in(kept.proof)) == (NOW, asked)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (Source(connector="typeform", secrets=(NEW,), opt_in=SOURCE.opt_in), "opt_in: goes with a form"),
        (Source(connector="form", opt_in=SOURCE.opt_in), "secrets:"),
        (Source(connector="form", secrets=("short",), opt_in=SOURCE.opt_in), "secrets:"),
        (Source(connector="form", secrets=(NEW,), opt_in=SOURCE.opt_in), "public_url:"),
        (
            Source(connector="form", secrets=(NEW,), opt_in=SOURCE.opt_in, public_url="http://crm.example.org/hooks/f"),
            "public_url:",
        ),
        (
            Source(connector="form", secrets=(NEW,), opt_in=OptIn(purpose=" ", text="Ja"), public_url="https://c.de/f"),
            "opt_in:",
        ),
    ],
)
def test_what_lacks_is_named_and_no_secret_is(source: Source, fault: str) -> None:
    said = fault_of(source)
    assert said is not None
    assert said.startswith(fault)
    assert NEW not in said
    assert fault_of(SOURCE) is None
