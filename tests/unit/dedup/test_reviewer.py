"""Goal: whoever answers what is offered with the truth makes the contacts better with every round of answers.

Method: made-up people of rare names whose records share nothing else, and namesakes among them.
"""

from services.dedup.train.sets import Labelled
from tests.bench.reviewer import curve
from tests.unit.dedup.made import model, traits

PERSONS = 40
LETTERS = "bdfglmnprst"


def town() -> Labelled:
    """Of every person two records that share a rare name; of every fifth name a second person."""
    said = {}
    persons = {}
    for number in range(PERSONS):
        name = f"L{LETTERS[number % 11]}e{LETTERS[number // 11]}enscheidt"
        for at, person in enumerate((number, number, number + PERSONS)[: 3 if number % 5 == 0 else 2]):
            record = f"r{number}-{at}"
            address = {"email": f"x{number}@example.de"} if at else {"phone": f"0171 {7654321 + 1111 * number}"}
            said[record] = traits(record, given_name="Wiebke", family_name=name, **(address if at < 2 else {}))
            persons[record] = str(person)
    return Labelled("town", said, persons)


def test_every_round_of_true_answers_makes_the_contacts_better_until_nothing_is_open() -> None:
    points = list(curve(town(), model(), step=8))
    assert points[0].open > 20
    assert points[0].recall < 0.5
    assert [one.f1 for one in points] == sorted(one.f1 for one in points)
    assert len({one.f1 for one in points[:-1]}) == len(points) - 1
    assert (points[-1].open, points[-1].precision) == (0, 1)
    assert points[-1].f1 > 0.95


def test_no_more_answers_are_given_than_were_asked_for() -> None:
    assert [one.answered for one in curve(town(), model(), step=5, answers_max=10)] == [0, 5, 10]
