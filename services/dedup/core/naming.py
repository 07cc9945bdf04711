"""Naming: the one name a contact is shown with. It is taken from one record as a whole, and only gaps are filled."""

from collections.abc import Mapping, Sequence

import msgspec

from services.dedup.core.candidates import Candidate, Criterion, SourceView, Survivor, former_values, survive
from services.dedup.core.namesakes import family_grade, given_grade
from shared.domain.contact import Former, Name, Origin
from shared.domain.names import sex_of
from shared.domain.record import Record
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
    spelled = [(record, _turned(_spelled(record), members)) for record in members]
    whole = survive([one for record, name in spelled for one in _whole(record, name, sources)], order)
    parts: dict[str, Survivor | None] = {
        part: survive([one for record, name in spelled for one in _part(part, record, name, sources)], order)
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


def _stamp(record: Record) -> Candidate:
    stamps = [said.at for field in ("given_name", "family_name", "full_name") if (said := record.fields.get(field))]
    at = max(stamps, default=record.observed_at)
    return Candidate(None, "", record.source, record.record_id, at)


def _whole(record: Record, name: Spelling, sources: Mapping[str, SourceView]) -> list[Candidate]:
    given, family = name.given, name.family
    if given is None and family is None:
        return []
    key = f"{flat(fold(given or ''))}|{flat(fold(family or ''))}"
    return [
        msgspec.structs.replace(
            _stamp(record),
            value={"given": given, "family": family},
            key=key,
            trust=sources.get(record.source, SourceView()).trust,
            valid=_full(given) + _full(family),
            complete=completeness_of(f"{given or ''} {family or ''}".strip()),
        )
    ]


def _full(part: str | None) -> bool:
    """True for a name written out; an initial or a placeholder is better than nothing only."""
    words = words_of(part) if part else ()
    return bool(words) and len(words[0]) > 1 and not is_placeholder(part or "")


def _part(part: str, record: Record, name: Spelling, sources: Mapping[str, SourceView]) -> list[Candidate]:
    text = _own(part, record) or getattr(name, part, None)
    if not text:
        return []
    return [
        msgspec.structs.replace(
            _stamp(record),
            value=text,
            key=flat(fold(text)).rstrip("."),
            trust=sources.get(record.source, SourceView()).trust,
            valid=_full(text) if part in ("given", "family") else 1,
            complete=completeness_of(text),
        )
    ]


def _own(part: str, record: Record) -> str | None:
    """The field of its own that a part may have."""
    if part == "salutation":
        said = meant(record.text("salutation"))
        return said if said is not None and (sex_of(said) or len(said) < 40) else None
    return meant(record.text({"prefix": "name_prefix", "suffix": "name_suffix"}.get(part, part)))
