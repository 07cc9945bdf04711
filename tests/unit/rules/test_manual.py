"""The manual of rules says what is so: its conditions can be used, its figures are those of the code."""

import re
from pathlib import Path

import msgspec
import pytest
from ruamel.yaml import YAML

from services.rules.core import conditions, faults, priority, rulebook
from services.rules.core.activity import DAYS_BACK
from shared.domain.configuration import Rule

MANUAL = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)


@pytest.mark.parametrize("text", "".join(blocks("cel")).splitlines())
def test_the_conditions_of_the_manual_can_be_used(text: str) -> None:
    conditions.compiled(text)


def test_the_rules_of_the_manual_can_be_used() -> None:
    (text,) = blocks("yaml")
    rules = msgspec.convert(YAML(typ="safe").load(text)["rules"], list[Rule])
    assert len(rulebook.rulebook(rules).rules) == 2


def test_the_figures_of_the_manual_are_those_of_the_code() -> None:
    each, most = priority.INTERACTION_POINTS, priority.INTERACTIONS_POINTS_MAX
    for figure in (
        f"| completeness | {priority.COMPLETENESS_POINTS:.0f} times",
        f"| recency | {priority.RECENCY_POINTS:.0f}, halved every {priority.HALF_LIFE_DAYS:.0f} days",
        f"| interactions | {each:.0f} for each of the last {DAYS_BACK} days, at most {most:.0f} |",
        f"| business address | {priority.BUSINESS_POINTS:.0f} where",
        f"at most {conditions.EXPRESSION_LENGTH_MAX:,} characters",
        f"names of up to {faults.NAME_LENGTH_MAX} characters",
        f"-{faults.SCORE_MAX} to {faults.SCORE_MAX}",
        f"At most {rulebook.RULES_MAX:,} rules",
    ):
        assert figure in MANUAL, figure
    assert priority.REASONS_MAX == 5
