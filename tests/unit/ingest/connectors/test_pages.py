"""Each connector has a page with five steps, whose configuration works as it stands there."""

import re
from pathlib import Path
from typing import get_args

import pytest

from services.ingest.connectors.known import CONNECTORS
from shared.commands.vendors import VENDORS
from shared.domain.configuration import Vendor
from shared.runtime.configuration import load

PAGES = Path(__file__).parents[4] / "docs" / "connectors"


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_page_of_a_connector_has_five_steps_and_a_configuration_that_works(name: str, tmp_path: Path) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    steps = text.partition("## Five steps")[2].partition("##")[0]
    assert re.findall(r"^(\d)\. ", steps, re.MULTILINE) == ["1", "2", "3", "4", "5"]
    shown, *_ = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "sources.yaml").write_text(shown, "utf-8")
    environment = dict.fromkeys(re.findall(r"env:(\w+)", shown), "a secret")
    (source,) = load(tmp_path, environment).sources.values()
    assert source.connector == name
    assert f"`{name}`" in (PAGES / "README.md").read_text("utf-8")


def test_what_may_be_configured_is_there_and_can_be_simulated() -> None:
    ours = set(get_args(Vendor)) & set(CONNECTORS)
    assert ours == set(CONNECTORS)
    assert set(VENDORS) == set(CONNECTORS) - {"generic", "debezium"}
