"""Whatever an authentic body holds, no connector raises: a 500 would make vendors send it for days."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.connectors.hook import Fetch, TakenBack
from services.ingest.connectors.known import CONNECTORS, connector_of
from services.ingest.connectors.reading import Bad, read_answer
from services.ingest.core.interaction import Happening
from services.ingest.core.reading import Delivery
from shared.commands.vendors import VENDORS
from shared.commands.vendors_answers import ANSWERS
from shared.commands.vendors_people import people
from shared.domain.configuration import Source
from tests.unit.ingest.connectors.bench import hook, read

NAMES = (
    "event", "event_type", "form_response", "token", "answers", "type", "field", "ref", "data", "email", "fields",
    "key", "value", "options", "payload", "uri", "objectId", "subscriptionType", "propertyName", "occurredAt", "object",
    "id", "content", "rawRequest", "submissionID", "fired_at", "merges", "ts", "created", "source",
    "attributes", "list_id",
)  # fmt: skip
TEXTS = (
    "customer.created", "contact.propertyChange", "invitee.created", "contact_updated", "subscribe", "upemail",
    "choice",
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(TEXTS),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(NAMES), below, max_size=5),
    max_leaves=15,
)  # fmt: skip


@given(st.sampled_from(sorted(CONNECTORS)), st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6))
@settings(max_examples=100, deadline=None)
def test_no_object_raises(connector: Any, body: dict[str, Any]) -> None:
    source = Source(connector=connector, key="pk_12345678", secrets=("secret",), map={"given_name": "data.value"})
    for found in read(source, body):
        assert isinstance(found, Delivery | Happening | TakenBack | Fetch | Bad)
    CONNECTORS[connector].authentic(hook(body, headers={"authorization": "Basic é"}), source)


def with_another_value(said: Any, data: st.DataObject) -> Any:
    """The same with what stands at some place replaced by anything."""
    place = said
    while isinstance(place, dict | list) and place:
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if data.draw(st.booleans()) or not isinstance(place[step], dict | list):
            place[step] = data.draw(VALUES)
            break
        place = place[step]
    return said


@given(st.sampled_from(sorted(VENDORS)), st.data())
@settings(max_examples=60, deadline=None)
def test_no_real_body_with_one_value_replaced_raises(vendor: Any, data: st.DataObject) -> None:
    (person,) = people(1, "run")
    body = data.draw(st.sampled_from(list(VENDORS[vendor].bodies(person))))
    if body.content_type != "application/json":
        return
    said = with_another_value(msgspec.json.decode(body.body), data)
    for found in read(Source(connector=vendor, key="pk_12345678"), said):
        assert isinstance(found, Delivery | Happening | TakenBack | Fetch | Bad)


@given(st.sampled_from(sorted(ANSWERS)), st.data())
@settings(max_examples=150, deadline=None)
def test_no_real_answer_of_an_api_with_one_value_replaced_raises(vendor: Any, data: st.DataObject) -> None:
    (person,) = people(1, "run")
    path, answer = data.draw(st.sampled_from(sorted(ANSWERS[vendor](person).items())))
    said = with_another_value(msgspec.json.decode(msgspec.json.encode(answer)), data)
    source = Source(connector=vendor, token="token", map={"given_name": "firstname"})
    for found in read_answer(connector_of(source), hook(said, url=path), {"fair": source}):
        assert isinstance(found, Delivery | Happening | TakenBack | Fetch | Bad)
