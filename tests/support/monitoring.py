"""What the files of deploy/monitoring ask for: the metrics and labels of every expression, and the rules themselves."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "monitoring"

OF_PROMETHEUS: Final = frozenset({"job", "instance"})
"""Labels that whoever scrapes adds."""

METRIC: Final = re.compile(r"\b((?:kontaktwerk[_:]|process_)[a-z0-9_:]+)\s*(?:\{([^}]*)\})?")
GROUPED: Final = re.compile(r"\bby\s*\(([^)]*)\)")
MATCHED: Final = re.compile(r"(\w+)\s*[=!]~?")
SHOWN: Final = re.compile(r"\$labels\.(\w+)|\{\{(\w+)\}\}")


class Asked(NamedTuple):
    """One expression, where it stands, and the texts that show labels of what it finds."""

    place: str
    expression: str
    texts: tuple[str, ...]


def rules() -> list[dict[str, Any]]:
    """Every rule of rules.yml, in order."""
    read = YAML(typ="safe").load((FOLDER / "rules.yml").read_text("utf-8"))
    return [rule for group in read["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard that shows something."""
    read = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    return [panel for panel in read["panels"] if panel["type"] != "row"]


def asked() -> Iterator[Asked]:
    """Every expression of the rules and of the dashboard."""
    for rule in rules():
        texts = rule.get("annotations", {}).values()
        yield Asked(f"rules.yml {rule.get('record') or rule['alert']}", rule["expr"], tuple(texts))
    for panel in panels():
        for target in panel["targets"]:
            yield Asked(f"dashboard.json {panel['title']}", target["expr"], (target["legendFormat"],))


def told(expositions: Iterable[str]) -> dict[str, frozenset[str]]:
    """The names of all series that these answers of /metrics hold, with the names of their labels."""
    found: dict[str, set[str]] = {}
    for text in expositions:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return {name: frozenset(labels) for name, labels in found.items()}


def missing(series: Mapping[str, frozenset[str]]) -> list[str]:
    """What the files name and nobody tells: a metric, a label that is matched, grouped by or shown."""
    known = {name: labels | OF_PROMETHEUS for name, labels in series.items()}
    faults: list[str] = []
    for place, expression, texts in asked():
        own: set[str] = set()
        for name, matched in METRIC.findall(expression):
            if name not in known:
                faults.append(f"{place}: no metric {name}")
                continue
            own |= known[name]
            strange = [one for one in MATCHED.findall(matched) if one not in known[name]]
            faults += [f"{place}: {name} has no label {one}" for one in strange]
        groups = GROUPED.findall(expression)
        grouped = {label.strip() for group in groups for label in group.split(",")}
        faults += [f"{place}: no label {label} to group by" for label in sorted(grouped - own)]
        kept = {label.strip() for label in groups[0].split(",")} if groups else own or set(OF_PROMETHEUS)
        shown = {one or other for text in texts for one, other in SHOWN.findall(text)}
        faults += [f"{place}: no label {label} to show" for label in sorted(shown - kept)]
        if place.startswith("rules.yml kontaktwerk:"):
            known[place.removeprefix("rules.yml ")] = frozenset(kept - {"le"})
    return faults
