import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.mail import is_free_mail, is_nobodys_mail, is_role_local, mail_kind, parse_email


@pytest.mark.parametrize(
    "text",
    [
        "jorg.muller@gmail.com",
        "JorgMuller@GoogleMail.com",
        "jorg.muller+news@gmail.com",
        " jorgmuller@gmail.com ",
        "Jörg Müller <jorgmuller@gmail.com>",
    ],
)
def test_all_writings_of_one_mailbox_have_one_canonical_form(text: str) -> None:
    assert parse_email(text).canonical == "jorgmuller@gmail.com"


def test_dots_matter_where_they_matter() -> None:
    assert parse_email("a.b@web.de").canonical != parse_email("ab@web.de").canonical


def test_the_value_keeps_the_local_part_and_lowers_the_domain() -> None:
    assert parse_email("Jörg.M+x@Example.DE").value == "Jörg.M+x@example.de"


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "n/a",
        "a@b",
        "@x.de",
        "a..b@x.de",
        ".a@x.de",
        "a@@x.de",
        "a b@x.de",
        "a@x..de",
        "a@-x.de",
        "x" * 65 + "@x.de",
        "a@1.2.3.4",
    ],
)
def test_what_is_no_address_is_not_ok(text: str | None) -> None:
    reading = parse_email(text)
    assert not reading.ok
    assert reading.value is None


@given(st.text(max_size=300))
def test_no_text_can_make_reading_fail(text: str) -> None:
    reading = parse_email(text)
    assert reading.ok == (reading.value is not None) == (reading.canonical is not None)


@given(st.emails())
def test_reading_twice_changes_nothing(address: str) -> None:
    once = parse_email(address)
    if once.canonical is not None:
        assert parse_email(once.canonical).canonical == once.canonical


@pytest.mark.parametrize(
    ("mail", "kind"),
    [
        ("info@x.de", "role"),
        ("no-reply@x.de", "role"),
        ("familie.hill@yahoo.de", "family"),
        ("fam.lehr21@gmail.com", "family"),
        ("thomas-und-melanie.walter@gmail.com", "family"),
        ("anna.schulz@x.de", "personal"),
        ("famke@x.de", "personal"),
    ],
)
def test_the_form_of_a_mailbox_says_whose_it_is(mail: str, kind: str) -> None:
    assert mail_kind(mail) == kind


@pytest.mark.parametrize("mail", ["unbekannt@example.com", "keine@email.de", "noemail@noemail.com", "test@test.de"])
def test_addresses_typed_to_get_past_a_field_are_nobodys(mail: str) -> None:
    assert is_nobodys_mail(mail)


@pytest.mark.parametrize("mail", ["test@example.org", "max.mustermann@example.org", "noah@web.de", "info@example.com"])
def test_reserved_domains_are_addresses_like_any_other(mail: str) -> None:
    assert not is_nobodys_mail(mail)


def test_free_mail_domains_and_roles_are_known() -> None:
    assert is_free_mail("GMX.de")
    assert not is_free_mail("beispiel-gmbh.de")
    assert is_role_local("Info")
    assert not is_role_local("anna")
