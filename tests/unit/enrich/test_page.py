"""docs/providers.md says what there is: its example is loaded, and no key, fault or path is missing."""

import re
from pathlib import Path

import pytest

from services.enrich.core.answers import Fault
from services.enrich.core.asking import asked_of
from services.enrich.core.filling import FILLABLE
from shared.domain.configuration import Provider
from shared.runtime.configuration import load

PAGE = (Path(__file__).parents[3] / "docs" / "providers.md").read_text("utf-8")


def test_the_example_of_the_page_can_be_used(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "sources.yaml").write_text("sources: {webform: {}}", "utf-8")
    (tmp_path / "providers.yaml").write_text(example, "utf-8")
    (tmp_path / "people.key").write_text("k\n", "utf-8")
    providers = asked_of(load(tmp_path, {"KEY": "k"}).providers)
    assert [(one.name, one.asks) for one in providers] == [("companies", "company_domain"), ("people", "email")]


@pytest.mark.parametrize("word", [*Provider.__struct_fields__, *(fault.value for fault in Fault)])
def test_every_key_and_every_fault_stands_on_the_page(word: str) -> None:
    assert f"`{word}`" in PAGE


@pytest.mark.parametrize("path", FILLABLE)
def test_every_path_that_can_be_filled_stands_on_the_page(path: str) -> None:
    assert f"`{path.replace('…', '<key>')}`" in PAGE
