"""The priority adds up from points, each with its reason."""

from datetime import timedelta

import pytest

from services.rules.core.activity import Activity, Tally
from services.rules.core.priority import REASONS_MAX, priority
from shared.domain.contact import Company, Contact, Email, Origin, Quality
from tests.unit.rules.build import NOW, a_contact

TODAY = NOW.date().toordinal()


def quiet(completeness: float = 0.0) -> Contact:
    """A contact with nothing to speak for it."""
    return a_contact(quality=Quality(completeness=completeness))


def test_a_contact_with_everything_and_no_rules_reaches_eighty_points() -> None:
    contact = a_contact(company=Company(domain="beispiel.de"), emails=(Email(value="anna@Beispiel.de"),))
    activity = Activity((Tally("call", TODAY, 10),), NOW)
    found = priority(contact, activity, (), NOW)
    assert found.score == pytest.approx(0.80)
    assert found.reasons == (
        "100% complete: +25.0",
        "last sign of life today: +25.0",
        "10 interactions in a year: +20.0",
        "business address: +10.0",
    )


def test_half_a_year_of_silence_halves_recency() -> None:
    said = {"/birthday": Origin(source="crm", observed_at=NOW - timedelta(days=180))}
    found = priority(a_contact(quality=Quality(completeness=0.0), provenance=said), Activity(), (), NOW)
    assert found.reasons == ("last sign of life 180 days ago: +12.5",)
    assert found.score == 0.125


def test_what_lies_more_than_a_year_back_counts_no_more() -> None:
    activity = Activity((Tally("call", TODAY - 365, 4), Tally("call", TODAY - 364, 1)), None)
    assert priority(quiet(), activity, (), NOW).reasons == ("1 interaction in a year: +2.0",)


def test_hundreds_of_opened_mails_are_worth_no_more_than_ten_calls() -> None:
    activity = Activity((Tally("email.opened", TODAY, 300),), None)
    assert priority(quiet(), activity, (), NOW).score == 0.2


@pytest.mark.parametrize(("points", "score"), [(40, 0.4), (-40, 0.0), (100, 1.0)])
def test_rules_add_and_take_points_within_the_scale(points: int, score: float) -> None:
    assert priority(quiet(), Activity(), (("vip", points),), NOW).score == score


def test_only_the_weightiest_reasons_are_named_heaviest_first() -> None:
    points = tuple((f"rule-{number}", number) for number in range(1, 10))
    found = priority(quiet(), Activity(), points, NOW)
    assert found.reasons[0] == "rule rule-9: +9.0"
    assert len(found.reasons) == REASONS_MAX


def test_a_value_from_the_future_is_as_good_as_one_from_today() -> None:
    said = {"/birthday": Origin(source="crm", observed_at=NOW + timedelta(days=300))}
    assert priority(a_contact(provenance=said), Activity(), (), NOW).score == pytest.approx(0.5)
