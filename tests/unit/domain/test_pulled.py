"""What a source that is pulled must say of itself."""

from typing import Any

import msgspec
import pytest

from shared.domain.configuration import Source
from shared.domain.pulled import fault_of

LIST: dict[str, Any] = {"connector": "rest", "api": "https://api.example.org", "path": "/people", "key": "id"}
CHANGES = {"watermark": "changed", "changes": "/people?since={since}"}


def fault(said: dict[str, Any]) -> str | None:
    """What is wrong with it."""
    return fault_of(msgspec.convert(said, Source), ["Europe/Berlin"])


@pytest.mark.parametrize(
    "said",
    [
        LIST,
        LIST | CHANGES | {"pages": {"cursor": "next", "param": "after"}},
        {"connector": "rapidmail", "path": "/recipients?recipientlist_id=1", "token": "user:pass"},
        {"connector": "hubspot-contacts", "token": "pat"},
        {"connector": "salesforce", "api": "https://own.my.salesforce.com", "token": "key:secret"},
    ],
)
def test_a_list_that_says_enough_has_no_fault(said: dict[str, Any]) -> None:
    assert fault(said) is None


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (LIST | {"api": None}, "api"),
        (LIST | {"api": "http://api.example.org"}, "https"),
        (LIST | {"key": None}, "key"),
        (LIST | {"path": "people"}, "begin with /"),
        (LIST | {"watermark": "changed"}, "together"),
        (LIST | CHANGES | {"changes": "/people"}, "{since}"),
        (LIST | {"pages": {}}, "pages"),
        (LIST | {"pages": {"link": True, "next": "next"}}, "pages"),
        (LIST | {"pages": {"cursor": "next"}}, "pages"),
        ({"connector": "rapidmail", "token": "user:pass"}, "recipientlist_id"),
        ({"connector": "hubspot-contacts"}, "token"),
        ({"connector": "hubspot-contacts", "token": "pat", "watermark": "changed"}, "updatedAt"),
        ({"connector": "salesforce", "token": "key:secret"}, "api"),
    ],
)
def test_what_a_list_lacks_is_said_by_its_name(said: dict[str, Any], word: str) -> None:
    assert word in (fault(said) or "")


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"connector": "eventbrite", "token": "private"}, None),
        ({"connector": "eventbrite"}, "token"),
        ({"connector": "eventbrite", "token": "private", "api": "http://www.eventbriteapi.com"}, "https"),
        ({"connector": "cleverreach", "token": "oauth", "key": "verify-token"}, None),
        ({"connector": "cleverreach", "key": "verify-token"}, "token"),
        ({"connector": "cleverreach", "token": "oauth"}, "verify token"),
        ({"connector": "cleverreach", "token": "oauth", "key": "too short"}, "verify token"),
        ({"connector": "cleverreach", "token": "oauth", "key": "x" * 51}, "verify token"),
        ({"connector": "hubspot"}, None),
    ],
)
def test_what_hooks_point_to_can_be_asked_for_or_is_said_to_be_missing(said: dict[str, Any], word: str | None) -> None:
    found = fault(said)
    assert found is None if word is None else word in (found or "")
