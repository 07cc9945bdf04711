"""What rules will be able to say one day is refused now in so many words, not as a slip of the pen."""

from pathlib import Path

import pytest

from services.rules.core.rulebook import rulebook
from shared.runtime.configuration import Misconfigured, load


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ('{name: a, when: "true", then: {mail: {purpose: birthday}}}', "mail"),
        ('{name: a, when: "true", then: {notify: {channel: log}}}', "notify"),
        ("{name: a, at: {inactive: 180d}, then: {category: b}}", "at"),
    ],
)
def test_dates_and_notifications_are_refused_with_a_clear_word(tmp_path: Path, rule: str, key: str) -> None:
    (tmp_path / "sources.yaml").write_text("sources: {webform: {}}")
    (tmp_path / "rules.yaml").write_text(f"rules: [{rule}]")
    with pytest.raises(Misconfigured, match=f"rules.a.*`{key}` is not there yet"):
        load(tmp_path)


def test_the_rules_that_come_with_it_can_be_used() -> None:
    configuration = load(Path(__file__).parents[3] / "deploy" / "config")
    assert {rule.rule.name for rule in rulebook(configuration.rules).rules} >= {"business", "newsletter"}
