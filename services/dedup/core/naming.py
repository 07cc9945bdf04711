"""Naming: the one name a contact is shown with. It is taken from one record as a whole, and only gaps are filled."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.dedup.core.candidates import (
    TRUST_USUAL,
    Candidate,
    Criterion,
    SourceView,
    Survivor,
    former_values,
    survive,
)
from services.dedup.core.namesakes import family_grade, given_grade
from shared.domain.contact import Former, Name, Origin
from shared.domain.names import sex_of
from shared.domain.record import Json, Record
from shared.domain.spelling import Spelling, completeness_of, spell_name
from shared.domain.text import flat, fold, is_placeholder, meant, words_of


class Named(msgspec.Struct, frozen=True):
    """The name, where its parts come from, what was said besides, and what leads by path."""

    name: Name
    origins: dict[str, Origin]
    former: tuple[Former, ...]
    leading: dict[str, str]


def name_of(members: Sequence[Record], sources: Mapping[str, SourceView], order: Sequence[Criterion]) -> Named:
    """The name of a contact.

    Given and family name come from one record, so that two spellings or two orders never mix: from a full one before
    one with initials or gaps, then by `order`; title, suffix and salutation by `order` each for itself.
    """
    voices = [_voice(record, members, sources) for record in members]
    whole = survive([one for voice in voices if (one := _whole(voice)) is not None], order)
    parts: dict[str, Survivor | None] = {
        part: survive([one for voice in voices if (one := _part(part, voice)) is not None], order)
        for part in ("prefix", "given", "family", "suffix", "salutation")
    }
    chosen = {part: one.value for part, one in parts.items() if one is not None}
    origins = {f"/name/{part}": one.origin for part, one in parts.items() if one is not None}
    if whole is not None:
        for part in ("given", "family"):
            if whole.value[part]:
                chosen[part] = whole.value[part]
                origins[f"/name/{part}"] = whole.origin
    full = " ".join(chosen[part] for part in ("prefix", "given", "family", "suffix") if part in chosen) or None
    named = {part: chosen[part] for part in ("given", "family") if part in chosen}
    former = [
        one
        for part in named
        for one in former_values(f"/name/{part}", parts[part])
        if _another(part, str(one.value), named[part])
    ]
    return Named(
        Name(**chosen, full=full), origins, tuple(former), {f"/name/{part}": value for part, value in named.items()}
    )


def _spelled(record: Record) -> Spelling:
    """The name as it should be shown; a placeholder (Test, n/a) as it is, where the record says nothing else."""
    name = spell_name(*_fields(record))
    if name.given or name.family:
        return name
    given, family, full = (text if text and words_of(text) else None for text in _fields(record))
    return name._replace(given=given, family=family or (None if given else full))


def _another(part: str, text: str, leading: str) -> bool:
    """True for another name (before a marriage), not for another spelling or a part of this one."""
    grade = family_grade if part == "family" else given_grade
    return grade(words_of(text), words_of(leading)) == "differs"


def _fields(record: Record) -> tuple[str | None, str | None, str | None]:
    return record.text("given_name"), record.text("family_name"), record.text("full_name")


def _turned(name: Spelling, members: Sequence[Record]) -> Spelling:
    """Given and family name exchanged where more of the other records say it that way than this way."""
    if name.given is None or name.family is None or len(members) == 1:
        return name
    straight = crosswise = 0
    given, family = _parts(name.given), _parts(name.family)
    for record in members:
        other = spell_name(*_fields(record))
        if other.given is not None and other.family is not None:
            there, beside = _parts(other.given), _parts(other.family)
            straight += bool(given & there) + bool(family & beside)
            crosswise += bool(given & beside) + bool(family & there)
    return name._replace(given=name.family, family=name.given) if crosswise > straight else name


def _parts(text: str) -> set[str]:
    return {flat(word) for word in words_of(text)}


class _Voice(NamedTuple):
    """What one record says of the name, since when, and how far its source is trusted."""

    record: Record
    name: Spelling
    at: datetime
    trust: int

    def says(self, value: Json, key: str, valid: int, text: str) -> Candidate:
        """One value as a candidate; `text` is how it is written."""
        record = self.record
        return Candidate(value, key, record.source, record.record_id, self.at, self.trust, valid, completeness_of(text))


def _voice(record: Record, members: Sequence[Record], sources: Mapping[str, SourceView]) -> _Voice:
    stamps = [said.at for field in ("given_name", "family_name", "full_name") if (said := record.fields.get(field))]
    view = sources.get(record.source)
    return _Voice(
        record,
        _turned(_spelled(record), members),
        max(stamps) if stamps else record.observed_at,
        TRUST_USUAL if view is None else view.trust,
    )


def _whole(voice: _Voice) -> Candidate | None:
    given, family = voice.name.given, voice.name.family
    if given is None and family is None:
        return None
    key = f"{flat(fold(given or ''))}|{flat(fold(family or ''))}"
    written = f"{given or ''} {family or ''}".strip()
    return voice.says({"given": given, "family": family}, key, _full(given) + _full(family), written)


def _full(part: str | None) -> bool:
    """True for a name written out; an initial or a placeholder is better than nothing only."""
    words = words_of(part) if part else ()
    return bool(words) and len(words[0]) > 1 and not is_placeholder(part or "")


def _part(part: str, voice: _Voice) -> Candidate | None:
    text = _own(part, voice.record) or getattr(voice.name, part, None)
    if not text:
        return None
    valid = _full(text) if part in ("given", "family") else 1
    return voice.says(text, flat(fold(text)).rstrip("."), valid, text)


def _own(part: str, record: Record) -> str | None:
    """The field of its own that a part may have."""
    if part == "salutation":
        said = meant(record.text("salutation"))
        return said if said is not None and (sex_of(said) or len(said) < 40) else None
    return meant(record.text({"prefix": "name_prefix", "suffix": "name_suffix"}.get(part, part)))
