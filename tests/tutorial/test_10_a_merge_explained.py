"""10. A merge, explained.

Chapter 3 merged two records. Here is how: pure functions from values to values, so that the reasons given are the
decision itself, and a merge that is taken back leaves nothing behind.
"""

from collections.abc import Sequence
from itertools import combinations, permutations
from pathlib import Path

import services.dedup
from services.dedup.core.blocking import blocking_keys
from services.dedup.core.clustering import Judgement, Partition, partition
from services.dedup.core.comparison import Evidence, compare
from services.dedup.core.explanation import explain_pair, short, why_not
from services.dedup.core.model import MILLI, load_model
from services.dedup.core.population import Population
from shared.domain.normalise import Traits, traits_of
from shared.domain.record import Record
from tests.tutorial.house import NOON, contact_of, event_of, record_of

MODEL = load_model((Path(services.dedup.__file__).parent / "model.json").read_bytes())

FORM = record_of(
    event_of(
        {"source": "webform", "source_record_id": "1", "given_name": "Jörg", "family_name": "Müller-Lüdenscheid",
         "email": "joerg@exmaple.de", "phone": "0171 / 123 45 67"}
    )
)  # fmt: skip
CRM = record_of(
    event_of(
        {"source": "crm", "source_record_id": "K-17", "full_name": "MÜLLER-LÜDENSCHEIDT, JÖRG",
         "birthday": "29.02.1980",
         "phone": "+49 171 1234567", "city": "Kiel"}
    )
)  # fmt: skip
NAMESAKE = record_of(
    event_of(
        {"source": "newsletter", "source_record_id": "n", "given_name": "Jörg", "family_name": "Müller-Lüdenscheidt",
         "birthday": "1954-06-01", "city": "Kiel"}
    )
)  # fmt: skip
ALL = (FORM, CRM, NAMESAKE)


def traits(record: Record) -> Traits:
    """A record as it is compared: umlauts both ways, numbers in one form, placeholders nobody's."""
    return traits_of(record, "DE")


def between(one: Record, other: Record) -> Evidence:
    """What speaks for and against two records being one person."""
    return compare(traits(one), traits(other), MODEL, Population.default())


def grouped(records: Sequence[Record], judgements: Sequence[Judgement] = ()) -> Partition:
    """Who is who among these records, carefully."""
    evidence = {
        (one.record_id, other.record_id): between(one, other)
        for one, other in combinations(sorted(records, key=lambda each: each.record_id), 2)
    }
    return partition({one.record_id: traits(one) for one in records}, evidence, judgements, "careful", MODEL)


def test_only_records_that_share_a_key_are_compared() -> None:
    """Comparing everybody with everybody is out of the question. A record has a dozen *blocking keys*, exact and by
    sound; who shares none is nobody's candidate. The same keys are the locks under which dedup decides.
    """
    assert set(blocking_keys(traits(FORM))) & set(blocking_keys(traits(CRM)))
    stranger = record_of(event_of({"source": "crm", "given_name": "Berta", "family_name": "Klein", "city": "Ulm"}))
    assert not set(blocking_keys(traits(FORM))) & set(blocking_keys(traits(stranger)))


def test_evidence_is_a_sum() -> None:
    """Each field is graded, each grade weighs so many bits, and the sum decides. It starts far below nothing: any two
    records are two persons until something says otherwise.
    """
    evidence = between(FORM, CRM)
    assert evidence.weight == sum(part.weight for part in evidence.parts)
    assert evidence.parts[0].field == "start"
    assert evidence.parts[0].weight < 0
    assert evidence.weight >= MODEL.bands.merge_millibits


def test_so_the_explanation_is_the_score() -> None:
    """Nothing is made up afterwards. The parts in words add up to the bits that decided, and hold no value of a person,
    so they may stand in a log or a mail.
    """
    told = explain_pair(between(FORM, CRM), MODEL, "en")
    assert told["outcome"] == "merge"
    assert round(sum(part["bits"] for part in told["parts"]) * MILLI) == round(told["bits"] * MILLI)
    assert any(part["text"] == "phone mobile equal" for part in told["parts"])

    line = short(between(FORM, CRM), "en")
    assert "phone +" in line
    assert "Jörg" not in line
    assert "171" not in line


def test_what_forbids_outweighs_everything() -> None:
    """The namesake has the very same name and city, and another birthday. That is a *veto*: no sum is large enough."""
    evidence = between(CRM, NAMESAKE)
    assert evidence.veto == "birthday"
    assert why_not(evidence, MODEL, "en") == "other birthday: two persons"


def test_who_is_who_is_decided_over_all_records_at_once() -> None:
    """Never pair by pair: then the order of arrival would decide. Father and son share name and mailbox, and the form
    could be either of them; they are two, by their birthdays, so it goes where the evidence is stronger, in any order.
    """
    name = {"given_name": "Jörg", "family_name": "Müller", "email": "joerg.mueller@example.de"}
    form = record_of(event_of({**name, "source": "webform", "source_record_id": "f", "phone": "0171 1234567"}))
    son = record_of(
        event_of({**name, "source": "crm", "source_record_id": "s", "phone": "0171 1234567", "birthday": "1980-02-29"})
    )
    father = record_of(event_of({**name, "source": "crm", "source_record_id": "v", "birthday": "1951-07-04"}))
    for order in permutations((form, son, father)):
        assert set(grouped(order).groups) == {
            frozenset((form.record_id, son.record_id)),
            frozenset((father.record_id,)),
        }


def test_the_golden_record_takes_the_best_of_each() -> None:
    """Per field one value lives on, by validity, trust, recency and agreement; it says where it comes from and why. The
    records stay as they were.
    """
    contact = contact_of(FORM, CRM)
    assert contact.name.full == "Jörg Müller-Lüdenscheidt"
    assert contact.birthday == "1980-02-29"
    assert [one.value for one in contact.emails] == ["joerg@exmaple.de"]
    assert [one.value for one in contact.phones] == ["+491711234567"]
    assert contact.provenance["/birthday"].source == "crm"
    assert contact.provenance["/emails/0"].source == "webform"
    assert contact_of(CRM, FORM, contact_id=contact.contact_id) == contact


def test_what_a_person_says_binds_and_can_be_taken_back() -> None:
    """A judgement is about records, not about contacts. While it stands it outweighs all evidence; taken back, the same
    function of the same records gives what would have been without it. There is nothing to restore.
    """
    apart = Judgement("j", same=False, left=(FORM.record_id,), right=(CRM.record_id,), at=NOON)
    assert len(grouped(ALL, [apart]).groups) == 3
    assert grouped(ALL, []) == grouped(ALL)
    assert len(grouped(ALL).groups) == 2


def test_what_is_doubtful_is_asked() -> None:
    """Between merge and apart lies a band for people. A parent and child of one name in one house may be one person
    written twice; merging them alone would be right too seldom, so they are offered.
    """
    home = {"family_name": "Petersen", "street": "Deichweg 3", "postcode": "24103", "city": "Kiel"}
    one = record_of(event_of({**home, "source": "crm", "source_record_id": "p1", "given_name": "Hans"}))
    other = record_of(event_of({**home, "source": "webform", "source_record_id": "p2", "given_name": "Hans"}))
    found = grouped((one, other))
    assert len(found.groups) == 2
    (offer,) = found.offers
    assert offer.reason == "borderline"
    assert explain_pair(between(one, other), MODEL, "en")["outcome"] == "review"
