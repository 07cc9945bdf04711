"""The picture of the way, drawn from the topology: README shows exactly this, and a test says so."""

from collections.abc import Mapping, Sequence
from typing import Final

from shared.topology import DEAD_LETTERS, PATH, Step, Topic

INDENT: Final = "   "
SENDERS: Final = "web forms, newsletters, event registrations, hooks, CSV files"
READERS: Final = "CRM, shop, mailing: whoever follows one compacted topic"

LETTERS: Final = "all dead letters"

WHY: Final[Mapping[tuple[str, str], str]] = {
    ("ingest", "contacts.received"): "for receipts",
    ("ingest", "contacts.resolved"): "for receipts",
    ("ingest", "contacts.clean"): "for receipts",
    ("ingest", LETTERS): "for receipts",
    ("rules", "contacts.clean"): "its own, to mend it",
    ("backup", "contacts.received"): "the archive",
    ("backup", "contacts.clean"): "the history",
    ("backup", "contacts.events"): "what happened",
    ("backup", "contacts.decided"): "who is who",
}
"""What a service listens to beside the way is for; a new pair in the topology needs its words here (KeyError)."""

WHAT: Final[Mapping[str, str]] = {"contacts.events": "what happened", "contacts.decided": "who is who"}
"""What the topics beside the way tell."""

ASKS: Final[Mapping[str, str]] = {
    "rules": "say this contact again, it has changed",
    "backup": "what is restored, and who is to be forgotten",
}
"""What services that are no front door write to its topic."""


def picture() -> str:
    """The whole picture, without a line break at its end."""
    return "\n".join(line.rstrip() for line in (*_way(way()), "", *_beside(way())))


def way() -> list[str]:
    """Services and topics in turn, as a record meets them, from the first service to the last topic."""
    found: list[str] = []
    for place, step in enumerate(PATH):
        onward = _onward(step, PATH[place + 1 :])
        if onward is not None:
            found += [step.service, onward.name]
    return found


def _onward(step: Step, later: Sequence[Step]) -> Topic | None:
    """The topic by which a step hands on: one that a later step takes in, the first that it produces."""
    return next((topic for topic in step.produces if any(topic in other.consumes for other in later)), None)


def _way(stops: Sequence[str]) -> list[str]:
    """Half of the way to the right, one stop down, the rest back to the left."""
    half = len(stops) // 2
    out, turn, back = stops[:half], stops[half], list(reversed(stops[half + 1 :]))
    there = INDENT + " ──► ".join(out)
    column = len(there) - len(out[-1]) // 2 - 1
    rail = " " * column
    lead = " ◄── ".join(back[:-1])
    gap = column - len(back[-1]) // 2 - len(INDENT) - len(lead)
    home = f"{INDENT}{lead} ◄{'─' * (gap - 3)} {back[-1]}"
    first, last = (" " * (len(INDENT) + len(name) // 2) for name in (out[0], back[0]))
    return [
        INDENT + SENDERS,
        f"{first}│",
        f"{first}▼",
        there,
        f"{rail}│",
        f"{rail}▼",
        " " * (column - len(turn) // 2) + turn,
        f"{rail}│",
        f"{rail}▼",
        home,
        f"{last}│",
        f"{last}▼",
        INDENT + READERS,
    ]


def _beside(stops: Sequence[str]) -> list[str]:
    """What is not on the way: topics nobody on it takes in, dead letters, and who listens besides."""
    said = {topic.name: topic for step in PATH for topic in step.produces if topic.name not in stops}
    lines = [(name, f"said by {_speakers(topic)}: {WHAT[name]}, {topic.kept}") for name, topic in said.items()]
    letters = f"{next(iter(DEAD_LETTERS.values())).name.rpartition('.')[0]}.…"
    lines.append((letters, "one of each service: what it can never process, set aside whole"))
    for step in PATH:
        told = "; ".join(f"{', '.join(names)} ({why})" for why, names in _heard(step, stops).items())
        if told:
            lines.append((f"{step.service} hears", told))
        again = [topic.name for topic in step.produces if topic.name in stops and topic.name not in _next(step, stops)]
        if again:
            lines.append((f"{step.service} says to", f"{', '.join(again)}: {ASKS[step.service]}"))
    width = max(len(name) for name, _ in lines)
    return [f"{INDENT}{name:<{width}}  {text}" for name, text in lines]


def _next(step: Step, stops: Sequence[str]) -> Sequence[str]:
    """The topic that follows a step on the way."""
    return stops[stops.index(step.service) + 1 :][:1] if step.service in stops else ()


def _speakers(topic: Topic) -> str:
    return ", ".join(step.service for step in PATH if topic in step.produces)


def _heard(step: Step, stops: Sequence[str]) -> dict[str, list[str]]:
    """What a step takes in besides the topic that leads to it, by what for."""
    before = stops[stops.index(step.service) - 1] if step.service in stops[1:] else None
    heard: dict[str, list[str]] = {}
    for topic in step.consumes:
        name = LETTERS if topic in DEAD_LETTERS.values() else topic.name
        short = name.removeprefix("contacts.")
        if name != before and short not in (names := heard.setdefault(WHY[step.service, name], [])):
            names.append(short)
    return heard
