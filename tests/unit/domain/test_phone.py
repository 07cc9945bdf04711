import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.phone import parse_phone


@pytest.mark.parametrize(
    "text",
    [
        "0171 / 123 45 67",
        "+49 171 1234567",
        "0049 171 1234567",
        "+49 (0)171-1234567",
        "491711234567",
        "(0171) 1234567",
        "0049 0171 1234567",
        "+49/171/1234567",
        "0171.123.4567",
    ],
)
def test_one_mobile_number_in_every_writing(text: str) -> None:
    reading = parse_phone(text, "DE")
    assert (reading.e164, reading.kind, reading.valid) == ("+491711234567", "mobile", True)


def test_a_landline_is_fixed() -> None:
    assert parse_phone("069/721151", "DE").kind == "fixed"


def test_the_region_decides_for_numbers_without_calling_code() -> None:
    assert parse_phone("044 668 18 00", "CH").e164 == "+41446681800"
    assert parse_phone("+41 44 668 18 00", "DE").e164 == "+41446681800"
    assert parse_phone("0171 1234567", None).e164 is None


@pytest.mark.parametrize(
    "text", ["0123456789", "123456789", "0000000", "+49 000 000000", "1111111", "-", "n/a", "", None, "call me", "12"]
)
def test_what_is_no_number_has_none(text: str | None) -> None:
    assert parse_phone(text, "DE").e164 is None


def test_a_number_may_be_possible_and_yet_not_in_use() -> None:
    reading = parse_phone("+49 1999 999999", "DE")
    assert reading.e164 is not None
    assert not reading.valid


@given(st.from_regex(r"\A(0|\+49 ?|0049)[1-9][0-9]{5,11}\Z"))
def test_the_swift_reading_of_german_numbers_equals_the_library_s(text: str) -> None:
    reading = parse_phone(text, "DE")
    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException:
        assert reading.e164 is None
        return
    if reading.e164 is not None:
        assert reading.e164 == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert reading.valid == phonenumbers.is_valid_number(number)


def test_where_numbers_do_not_tell_mobile_from_fixed_none_is_said() -> None:
    """In North America a household's number looks like a person's own: taken for one, it would join the household."""
    reading = parse_phone("(212) 555-0142", "US")
    assert (reading.e164, reading.kind, reading.valid) == ("+12125550142", None, True)


def test_a_reading_shows_no_number() -> None:
    assert "171" not in repr(parse_phone("0171 1234567", "DE"))
