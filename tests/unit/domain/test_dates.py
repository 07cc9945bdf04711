import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.dates import known_birthday, parse_birthday


@pytest.mark.parametrize(
    "text",
    [
        "1980-02-29",
        "29.02.1980",
        "29.2.80",
        "29/02/1980",
        "19800229",
        "29. Februar 1980",
        "29 February 1980",
        "Feb 29, 1980",
        "1980-02-29T00:00:00Z",
        "02/29/1980",
    ],
)
def test_one_birthday_in_every_writing(text: str) -> None:
    assert parse_birthday(text) == "1980-02-29"


@pytest.mark.parametrize("text", ["31.02.1980", "00.00.0000", "1981-02-29", "gestern", "", None, "99999999", "1.1"])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert parse_birthday(text) is None


@pytest.mark.parametrize("text", ["01.01.1900", "1970-01-01", "1.1.1901", "0001-01-01", "1753-01-01", "0980-02-29"])
def test_dates_that_only_fill_a_field_are_not_known(text: str) -> None:
    assert parse_birthday(text) is not None
    assert known_birthday(text) is None


def test_people_of_long_ago_have_birthdays_too() -> None:
    assert known_birthday("30.10.1449") == "1449-10-30"


def test_the_day_comes_first_where_both_are_possible() -> None:
    assert parse_birthday("03.04.1985") == "1985-04-03"


@given(st.text(max_size=60))
def test_no_text_can_make_reading_fail(text: str) -> None:
    read = parse_birthday(text)
    assert read is None or parse_birthday(read) == read
