from typing import Any

from deploy.local.demo_count import Count, Delivery, count

ANNA = {"given_name": "Änne", "family_name": "Schulz", "email": "a@example.org"}
ANNA_TOO = {"given_name": "SCHULZ", "family_name": "Aenne", "email": "A@EXAMPLE.org"}


def _delivery(number: int, person: str, said: dict[str, Any], *, again: bool = False) -> Delivery:
    receipt = {"event_id": f"e{number}", "record_id": f"r{number}", "duplicate": again}
    return Delivery("webform", "record", person, said, receipt)


def _contacts(**groups: list[int]) -> dict[str, dict[str, Any]]:
    return {name: {"records": [{"record_id": f"r{n}"} for n in numbers]} for name, numbers in groups.items()}


def _counted(deliveries: list[Delivery], contacts: dict[str, dict[str, Any]], **states: str) -> Count:
    known = {one.receipt["event_id"]: {"state": "clean"} for one in deliveries if not one.again}
    return count(deliveries, known | {event: {"state": state} for event, state in states.items()}, contacts)


def test_a_delivery_that_was_known_is_counted_as_such_and_nowhere_else() -> None:
    counted = _counted([_delivery(1, "p", ANNA), _delivery(1, "p", ANNA, again=True)], _contacts(c=[1]))
    feed = counted.feeds["webform"]
    assert (feed.sent, feed.again, feed.accepted, dict(feed.ends)) == (2, 1, 1, {"in_contacts": 1})
    assert counted.good


def test_an_event_without_an_end_and_a_record_in_no_contact_are_lost() -> None:
    deliveries = [_delivery(1, "p", ANNA), _delivery(2, "q", {"email": "b@example.org"})]
    assert list(_counted(deliveries, _contacts(c=[1, 2]), e2="resolved").lost) == ["e2"]
    assert list(_counted(deliveries, _contacts(c=[1])).lost) == ["r2"]


def test_a_record_in_two_contacts_is_there_twice() -> None:
    assert list(_counted([_delivery(1, "p", ANNA)], _contacts(c=[1], d=[1])).twice) == ["r1"]


def test_equal_name_and_own_address_in_two_contacts_are_twins() -> None:
    deliveries = [_delivery(1, "p", ANNA), _delivery(2, "p", ANNA_TOO)]
    assert list(_counted(deliveries, _contacts(c=[1], d=[2])).twins) == ["p"]
    assert _counted(deliveries, _contacts(c=[1, 2])).good


def test_a_shared_mailbox_makes_no_twins_of_who_is_merely_apart() -> None:
    husband = {"given_name": "Olaf", "family_name": "Schulz", "email": "a@example.org"}
    deliveries = [_delivery(1, "p", ANNA), _delivery(2, "p", ANNA_TOO), _delivery(3, "q", husband)]
    counted = _counted(deliveries, _contacts(c=[1], d=[2], e=[3]))
    assert (list(counted.twins), list(counted.apart)) == ([], ["p"])


def test_two_persons_in_one_contact_are_strangers_joined() -> None:
    deliveries = [_delivery(1, "p", ANNA), _delivery(2, "q", {"email": "b@example.org"})]
    assert list(_counted(deliveries, _contacts(c=[1, 2])).strangers) == ["c"]


def test_what_was_set_aside_or_dropped_is_no_record_of_a_contact() -> None:
    counted = _counted([_delivery(1, "p", ANNA), _delivery(2, "q", {})], _contacts(c=[1]), e2="dead-letter")
    assert counted.good
    assert counted.feeds["webform"].ends == {"in_contacts": 1, "dead_letters": 1}
