"""Schemas of values: those of the code are committed, and what would break a reader is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.contracts.compatibility import breaches
from shared.contracts.values import FOLDER, committed, value_schemas, write
from shared.domain.events import DATA_OF
from shared.topology import TOPICS, Type
from tests.unit.contracts.made import refs, said

SCHEMAS = value_schemas()


def test_the_committed_schemas_are_those_of_the_code() -> None:
    """Mend with: python -m shared.contracts.values"""
    assert committed(FOLDER) == SCHEMAS


def test_no_committed_schema_is_broken_by_the_code() -> None:
    """Harm: a subscriber that was written last year stops. A breaking change is a topic of its own (contract 4)."""
    known = committed(FOLDER)
    assert {name: found for name in known if (found := breaches(known[name], SCHEMAS[name]))} == {}


def test_every_type_on_a_topic_has_a_schema() -> None:
    assert (
        {type_.value for topic in TOPICS for type_ in topic.types} <= SCHEMAS.keys() == {one.value for one in DATA_OF}
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_one_and_stands_alone(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert {one for one in refs(SCHEMAS[name]) if one.rpartition("/")[2] not in SCHEMAS[name].get("$defs", {})} == set()


def test_what_is_said_keeps_to_its_schema_and_what_is_not_does_not() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[Type.CONTACT_CLEANED])
    validator.validate(said())
    assert not validator.is_valid(said() | {"emails": [{"status": "valid"}]})


def breach(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is found when the schema of a clean contact is changed like this."""
    new = copy.deepcopy(SCHEMAS["contact.cleaned"])
    change(new)
    return breaches(SCHEMAS["contact.cleaned"], new)


def test_a_key_that_goes_is_a_breach() -> None:
    assert breach(lambda new: new["properties"].pop("birthday")) == ["/birthday: is gone"]


def test_a_key_deep_inside_that_goes_is_a_breach() -> None:
    assert breach(lambda new: new["$defs"]["Email"]["properties"].pop("preferred")) == ["/emails/0/preferred: is gone"]


def test_a_key_that_is_required_now_is_a_breach() -> None:
    assert breach(lambda new: new["required"].append("birthday")) == ["/birthday: is required now"]


def test_a_narrowed_type_is_a_breach() -> None:
    assert breach(lambda new: new["properties"].update(birthday={"type": "string"})) == [
        "/birthday: can be null no more"
    ]


def test_a_widened_type_is_a_breach_for_who_reads() -> None:
    wider = {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert breach(lambda new: new["properties"].update(version=wider)) == ["/version: can be string now"]


def test_a_code_that_goes_is_a_breach_and_one_that_comes_is_none() -> None:
    status = SCHEMAS["contact.cleaned"]["$defs"]["Email"]["properties"]["status"]["enum"]
    fewer, more = status[1:], [*status, "asleep"]

    def found(codes: list[str]) -> list[str]:
        return breach(lambda new: new["$defs"]["Email"]["properties"]["status"].update(enum=codes))

    assert found(fewer) == [f"/emails/0/status: lacks the code {status[0]!r}"]
    assert found(more) == []


def test_a_new_key_is_no_breach() -> None:
    assert breach(lambda new: new["properties"].update(nickname={"type": "string"})) == []


def test_the_writer_refuses_what_breaks_and_leaves_the_files_alone(tmp_path: Path) -> None:
    write(tmp_path)
    older = copy.deepcopy(SCHEMAS["contact.cleaned"])
    older["properties"]["fax"] = {"type": "string"}
    (tmp_path / "contact.cleaned.json").write_text(json.dumps(older), "utf-8")
    assert write(tmp_path) == ["contact.cleaned: /fax: is gone"]
    assert committed(tmp_path)["contact.cleaned"] == older
