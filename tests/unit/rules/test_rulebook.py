"""What holds for a contact follows from the rules in their order."""

import pytest

from services.rules.core.activity import Activity, Tally
from services.rules.core.conditions import Why
from services.rules.core.loading import RULES_MAX, InvalidRules, rulebook
from services.rules.core.rulebook import Holding, Rulebook
from services.rules.core.schema import Change
from shared.domain.configuration import Rule, Then
from shared.domain.contact import Contact
from tests.unit.rules.build import NOW, a_contact, insured, rules

UNKNOWN = "unknown field contact.company.indutsry, did you mean industry?"
INSURED = 'contact.company.industry == "insurance"'


def holding(book: Rulebook, contact: Contact, stuck: frozenset[str] = frozenset()) -> Holding:
    """What holds today, after two purchases."""
    activity = Activity((Tally("purchase", NOW.date().toordinal(), 2),), NOW)
    return book.holding(contact, Change(kind="record"), activity, NOW, stuck)


def test_rules_give_categories_segments_and_points_in_their_order() -> None:
    book = rulebook(
        [
            Rule(name="b", when=INSURED, then=Then(category="b2b", segment="insurers", score=5)),
            Rule(name="a", when='timeline.count("purchase", 365) > 1', then=Then(category="buyer", segment="insurers")),
            Rule(name="c", when="false", then=Then(category="never")),
        ]
    )
    found = holding(book, insured())
    assert found.categories == ("b2b", "buyer")
    assert found.segments == {"insurers": "b"}
    assert found.points == (("b", 5),)


def test_what_held_is_left_when_the_rule_no_longer_holds_unless_it_sticks() -> None:
    book = rulebook(
        [
            Rule(name="loose", when=INSURED, then=Then(segment="loose")),
            Rule(name="sticky", when=INSURED, then=Then(segment="sticky"), sticky=True),
        ]
    )
    first = holding(book, insured())
    assert first.stuck == frozenset({"sticky"})
    later = holding(book, a_contact(), first.stuck)
    assert tuple(later.segments) == ("sticky",)
    assert later.stuck == frozenset({"sticky"})


def test_what_stuck_to_a_rule_that_is_no_more_is_forgotten() -> None:
    assert holding(rules(other="false"), a_contact(), frozenset({"gone"})).stuck == frozenset()


def test_an_absent_value_is_counted_by_rule_and_reason() -> None:
    assert holding(rules(insured=INSURED, never="false"), a_contact()).unanswered == {("insured", Why.ABSENT): 1}


def test_without_rules_nothing_holds() -> None:
    assert holding(rulebook([]), insured()) == Holding()


def test_everything_wrong_with_the_rules_is_said_at_once_and_where() -> None:
    with pytest.raises(InvalidRules) as refused:
        rulebook(
            [
                Rule(name="typo", when='contact.company.indutsry == "x"', then=Then(segment="s")),
                Rule(name="empty", when="true", then=Then()),
                Rule(name="loud", when="true", then=Then(score=101)),
                Rule(name="blank", when="true", then=Then(category=" ")),
            ]
        )
    assert str(refused.value).splitlines() == [
        f"rules.yaml: rules.typo.when: line 1, column 16: {UNKNOWN}",
        "rules.yaml: rules.empty.then: says nothing; give it a category, a segment, a score, notify or mail",
        "rules.yaml: rules.loud.then.score: is from -100 to 100",
        "rules.yaml: rules.blank.then.category: a name has 1 to 100 printable characters",
    ]


def test_more_rules_than_a_contact_can_bear_are_refused() -> None:
    with pytest.raises(InvalidRules, match=f"more than {RULES_MAX}"):
        rulebook([Rule(name=str(number), when="true", then=Then(score=1)) for number in range(RULES_MAX + 1)])


def test_the_rulebook_prepares_only_what_its_rules_read() -> None:
    book = rules(a=INSURED, b='contact.emails.exists(e, e.status == "valid")')
    assert set(book.view(insured())) == {"company", "emails"}
    assert not book.reads_timeline
