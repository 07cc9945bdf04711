"""The manual of rules says what is so: its conditions can be used, its figures are those of the code."""

import re
from pathlib import Path

import msgspec
import pytest
from ruamel.yaml import YAML

from services.rules.core import conditions, dates, delivering, faults, loading, priority
from services.rules.core.activity import DAYS_BACK
from shared.domain.configuration import Channel, Rule

DOCS = Path(__file__).parents[3] / "docs"
MANUAL = (DOCS / "rules.md").read_text()
NOTIFICATIONS = (DOCS / "notifications.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)


@pytest.mark.parametrize("text", "".join(blocks("cel")).splitlines())
def test_the_conditions_of_the_manual_can_be_used(text: str) -> None:
    conditions.compiled(text)


def test_the_rules_of_the_manuals_can_be_used() -> None:
    texts = {f"{name}.de": "Subject: x\n\nx\n" for name in ("birthday", "missing-phone")}
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    channels = msgspec.convert(
        {
            "log": {},
            "mail": {"smtp": "smtp://localhost", "from": "crm@example.de"},
            "sales-hook": {"webhook": "https://example.org", "secret": secret},
        },
        dict[str, Channel],
    )
    found: list[str] = []
    for text in [*blocks("yaml"), *re.findall(r"```yaml\n(.*?)```", NOTIFICATIONS, re.DOTALL)]:
        read = YAML(typ="safe").load(re.sub(r"(\d{4}-\d\d-\d\d)", r'"\1"', text))
        rules = msgspec.convert(read.get("rules", []), list[Rule])
        msgspec.convert(read.get("channels", {}), dict[str, Channel])
        found += [one.rule.name for one in loading.rulebook(rules, channels, texts).rules]
    assert {"key-accounts", "gone-quiet", "no-phone", "birthday-mail"} <= set(found)


def test_every_reason_to_give_up_is_documented() -> None:
    for reason in delivering.Ended:
        assert reason is delivering.Ended.SENT or f"| `{reason.value}` |" in NOTIFICATIONS
    assert len(delivering.PAUSES_S) + 1 == 10
    assert "it was tried ten times" in NOTIFICATIONS


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
        f"At most {loading.RULES_MAX:,} rules",
        f"| {dates.CATCH_UP_DAYS} days later |",
    ):
        assert figure in MANUAL, figure
    assert priority.REASONS_MAX == 5
