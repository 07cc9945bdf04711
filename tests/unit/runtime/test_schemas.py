"""The schemas beside the configuration are those of the code, and the default configuration keeps to them."""

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from shared.runtime.schemas import FOLDER, configuration_schemas, text_of

NAMES = sorted(configuration_schemas())


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_schema_is_the_one_of_the_code(name: str) -> None:
    """Mend with: python -m shared.runtime.schemas"""
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text_of(configuration_schemas()[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_default_configuration_keeps_to_its_schema(name: str) -> None:
    schema = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    file = Path(FOLDER).parent / f"{name}.yaml"
    jsonschema.validate(YAML(typ="safe", pure=True).load(file.read_text("utf-8")), schema)


def test_a_key_that_nobody_reads_breaks_the_schema() -> None:
    with pytest.raises(jsonschema.ValidationError, match="trsut"):
        jsonschema.validate({"sources": {"webform": {"trsut": 5}}}, configuration_schemas()["sources"])
