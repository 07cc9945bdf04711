"""The rules and the dashboard of deploy/monitoring ask for what there is; `promtool` says so too where there is one."""

import shutil
import subprocess
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.outcome import Drop, DropReason
from shared.runtime.broker import Backlog, TopicPartition
from shared.runtime.telemetry import Measure, Metrics
from tests.support import monitoring
from tests.support.pages import ROOT

SPOOL = ("messages", "bytes", "bytes_max", "oldest_seconds", "damaged_segments")


@pytest.fixture(scope="module")
def series() -> dict[str, frozenset[str]]:
    """What a process of ingest tells that has done everything once; that they all do, tests/e2e looks at."""
    metrics = Metrics("ingest")
    metrics.taken(1, 0)
    metrics.done([Drop(DropReason.REDELIVERED)], 0.1)
    behind = {TopicPartition("records.received", 0): Backlog(messages=1, oldest_ms=0)}
    metrics.behind(behind, datetime(2026, 1, 1, tzinfo=UTC))
    metrics.answered(200, 0.1)
    metrics.measure([Measure(f"kontaktwerk_spool_{name}", "A figure.", lambda: 0.0) for name in SPOOL])
    return monitoring.told([metrics.exposition().decode()])


def test_every_metric_and_label_that_rules_and_dashboard_name_is_told(series: dict[str, frozenset[str]]) -> None:
    assert monitoring.missing(series) == []


@pytest.mark.parametrize("gone", ["kontaktwerk_lag_seconds", "kontaktwerk_requests_total", "process_open_fds"])
def test_a_metric_that_nobody_tells_any_more_is_found(series: dict[str, frozenset[str]], gone: str) -> None:
    """Harm: a renamed metric makes an alarm silent for ever, and nobody notices."""
    without = {name: labels for name, labels in series.items() if name != gone}
    assert any(f"no metric {gone}" in fault for fault in monitoring.missing(without))


def test_a_label_that_nobody_tells_any_more_is_found(series: dict[str, frozenset[str]]) -> None:
    poorer = series | {"kontaktwerk_messages_total": frozenset({"stage"})}
    faults = " ".join(monitoring.missing(poorer))
    assert "no label outcome" in faults
    assert "no label reason to group by" in faults


def test_every_metric_of_ours_is_looked_at_by_a_rule_or_a_panel(series: dict[str, frozenset[str]]) -> None:
    """Harm: what nobody looks at is paid for at every scrape, and rots."""
    looked = " ".join(one.expression for one in monitoring.asked())
    ours = {name.removesuffix("_created") for name in series if name.startswith("kontaktwerk_")}
    stems = {name.removesuffix("_count").removesuffix("_sum").removesuffix("_bucket") for name in ours}
    assert [stem for stem in sorted(stems) if stem not in looked] == []


def test_every_alarm_says_who_wakes_what_it_means_and_what_to_do() -> None:
    alarms: list[dict[str, Any]] = [rule for rule in monitoring.rules() if "alert" in rule]
    assert [one for one, count in Counter(alarm["alert"] for alarm in alarms).items() if count > 1] == []
    for alarm in alarms:
        assert alarm["labels"]["severity"] in ("page", "ticket"), alarm["alert"]
        assert alarm["annotations"]["summary"], alarm["alert"]
        assert (ROOT / alarm["annotations"]["runbook"]).is_file(), alarm["alert"]
        assert f"`{alarm['alert']}`" in (ROOT / "docs/operations/monitoring.md").read_text("utf-8")


if shutil.which("promtool"):  # of the Debian package prometheus; what it looks at is looked at above as well

    def test_promtool_has_nothing_to_say_and_the_alarms_ring_when_they_should() -> None:
        for words in (("check", "rules", "rules.yml"), ("test", "rules", "rules_test.yml")):
            ended = subprocess.run(
                ["promtool", *words], cwd=monitoring.FOLDER, capture_output=True, text=True, timeout=60, check=False
            )
            assert ended.returncode == 0, ended.stdout + ended.stderr
