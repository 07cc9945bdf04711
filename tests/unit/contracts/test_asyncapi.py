"""AsyncAPI: the topics as they are created, each with what it carries, and nothing that is not there."""

from typing import Any

import jsonschema
import pytest

from shared.contracts.asyncapi import document
from shared.topology import CLEAN, PATH, TOPICS, Type
from tests.unit.contracts.made import refs, said

DOCUMENT = document("0.1.0")


def test_every_topic_is_a_channel_with_its_types_and_nothing_else_is() -> None:
    assert [*DOCUMENT["channels"]] == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        names = [one["name"] for one in messages(topic.name)]
        assert names == ([type_.wire for type_ in topic.types] or ["dead-letter"])


def messages(topic: str) -> list[dict[str, Any]]:
    return [resolved(one["$ref"]) for one in DOCUMENT["channels"][topic]["messages"].values()]


def resolved(ref: str) -> dict[str, Any]:
    """What a reference leads to; raises KeyError for one that leads nowhere."""
    found: Any = DOCUMENT
    for step in ref.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return dict(found)


def test_every_reference_leads_somewhere() -> None:
    found = refs(DOCUMENT)
    assert len(found) > len(TOPICS)
    assert all(resolved(one) for one in found)
    with pytest.raises(KeyError):
        resolved("#/components/schemas/NoSuch")


def test_who_sends_and_who_receives_is_told_of_every_step() -> None:
    told = {name: one["action"] for name, one in DOCUMENT["operations"].items()}
    for step in PATH:
        assert all(told[f"{step.service}-send-{topic.name}"] == "send" for topic in (*step.produces, step.dead_letters))
        assert all(told[f"{step.service}-receive-{topic.name}"] == "receive" for topic in step.consumes)


def test_the_payload_of_a_clean_contact_is_that_of_the_code_and_its_end_has_none() -> None:
    cleaned, retired = messages(CLEAN.name)
    assert retired["payload"] == {"type": "null"}
    assert {"ce_version", "ce_reason", "ce_mergedinto"} <= retired["headers"]["properties"].keys()
    schema = {**cleaned["payload"], "components": DOCUMENT["components"]}
    jsonschema.validate(said(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"contact_id": 1}, schema)
    assert cleaned["headers"]["properties"]["ce_type"] == {"const": Type.CONTACT_CLEANED.wire}


def test_an_address_bears_the_prefix_of_a_shared_kafka() -> None:
    assert document("0.1.0", "test.")["channels"][CLEAN.name]["address"] == f"test.{CLEAN.name}"
