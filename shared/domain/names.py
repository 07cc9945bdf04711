"""Personal names in comparable form: titles and particles set aside, one field or two, pet names known."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final, NamedTuple

from nameparser import HumanName

from shared.domain.tables import rows
from shared.domain.text import meant_as_name, words_of

READINGS_MAX: Final = 16_384
"""Names kept as read: given and family names repeat; whole names do so within a delivery."""

TITLES: Final = frozenset({
    "dr", "drs", "prof", "professor", "doktor", "dipl", "diplom", "ing", "med", "jur", "phil", "rer", "nat", "pol",
    "oec", "habil", "hc", "h", "c", "mag", "magister", "univ", "priv", "doz", "pd", "mba", "msc", "bsc", "phd", "md",
    "kfm", "kffr", "inf", "psych", "paed", "fh", "dent", "vet", "theol", "mult", "em", "sir", "dame", "lord", "lady",
    "freiherr", "freifrau", "graf", "graefin", "baron", "baronin", "rev", "hon",
})  # fmt: skip
_LETTERS_IN_TITLES: Final = frozenset({"h", "c"})
_SALUTATIONS: Final = {
    "herr": "m", "herrn": "m", "hr": "m", "hrn": "m", "mr": "m", "mister": "m", "monsieur": "m", "signor": "m",
    "sehr geehrter herr": "m", "lieber herr": "m", "sir": "m",
    "frau": "f", "fr": "f", "frl": "f", "fraeulein": "f", "mrs": "f", "ms": "f", "miss": "f", "madame": "f", "mme": "f",
    "sehr geehrte frau": "f", "liebe frau": "f", "madam": "f",
}  # fmt: skip
_SEXES: Final = {"m": "m", "male": "m", "mann": "m", "maennlich": "m", "man": "m", "f": "f", "w": "f", "female": "f",
                 "frau": "f", "weiblich": "f", "woman": "f", "herr": "m"}  # fmt: skip
_GENERATIONS: Final = {
    **dict.fromkeys(("jun", "jr", "junior", "jnr", "ii"), "junior"),
    **dict.fromkeys(("sen", "sr", "senior", "snr"), "senior"),
    "iii": "third",
}
_PARTICLES: Final = frozenset({
    "von", "van", "der", "den", "de", "zu", "zum", "zur", "vom", "vd", "di", "da", "del", "della", "dello", "degli",
    "la", "le", "lo", "el", "al", "ten", "ter", "te", "af", "av", "dos", "das", "do", "du", "des", "dem", "y", "bin",
    "ibn", "bint", "und", "ob", "auf", "o", "d", "t", "v", "dal", "dall", "dalla", "dei",
})  # fmt: skip
_JOINED: Final = frozenset({"o", "d", "mc", "mac"})
"""Beginnings of family names that some write apart: O Neil, Mc Donald."""

_PARTS: Final = re.compile(r"[\s,;]+")
_BORN: Final = re.compile(
    r"(?<=\w)[\s,;(]+(?:(?i:geb\.?|geborene[rn]?)|née|nee|né)\s+(?P<former>[^\W\d_][^,;()\d]*)\)?"
)
"""What stands between a name and the one borne before; "Nee" with a capital is a name itself."""


class NameReading(NamedTuple):
    """A name as read. `given` holds folded given names in order, single letters for initials; `family` the parts of the
    family name without particles; `generation` junior, senior or third; `sex` m or f where title or field says it.
    """

    given: tuple[str, ...]
    family: tuple[str, ...]
    generation: str | None
    sex: str | None


def read_name(given: str | None, family: str | None, full: str | None) -> NameReading:
    """Read the name of a record from its fields: both, one of them with everything in it, or the name in full.

    Placeholders are nothing; titles and salutations are taken off; "Müller, Jörg" is turned. A former name ("geb.
    Schmidt") is a further part of the family name, wherever it stands.
    """
    texts = [without_former(text) if text else (text, None) for text in (given, family, full)]
    formers = [former for _, former in texts if former]
    (given, _), (family, _), (full, _) = texts
    read = _read(given, family, full)
    if not formers:
        return read
    parts = [part for former in formers for part in _without_particles(_words(former).kept)]
    return read._replace(family=tuple(dict.fromkeys((*read.family, *parts))))


@lru_cache(READINGS_MAX)
def without_former(text: str) -> tuple[str, str | None]:
    """A name without the one borne before a marriage, and that one: Anna Müller geb. Schmidt → Anna Müller, Schmidt."""
    found = _BORN.search(text)
    return (text, None) if found is None else (text[: found.start()] + text[found.end() :], found["former"].strip())


def _read(given: str | None, family: str | None, full: str | None) -> NameReading:
    first, last = _words(given), _words(family)
    if family and not first.kept and "," in family:
        return _whole(family)
    if given and not last.kept and "," in given:
        return _whole(given)
    if not first.kept and not last.kept:
        return _whole(full) if full else NameReading((), (), None, first.sex or last.sex)
    if not first.kept:
        first, last = _part_family(first, last)
    elif not last.kept:
        first, last = _part_given(first, last)
    return NameReading(
        first.kept, _without_particles(last.kept), last.generation or first.generation, first.sex or last.sex
    )


@lru_cache(256)
def sex_of(text: str | None) -> str | None:
    """M or f from a salutation or a gender field as somebody wrote it, None for anything else."""
    if not text:
        return None
    spoken = " ".join(words_of(text))
    return _SALUTATIONS.get(spoken) or _SEXES.get(spoken) or _SALUTATIONS.get(spoken.partition(" ")[0])


def generation_of(text: str | None) -> str | None:
    """Junior, senior or third from a name suffix, None for anything else."""
    return next((_GENERATIONS[word] for word in words_of(text) if word in _GENERATIONS), None) if text else None


def is_particle(word: str) -> bool:
    """True for the small words of family names: von, van, de, zu."""
    return word.lower() in _PARTICLES


@cache
def given_sexes() -> dict[str, str]:
    """Known given names (folded) and their usual sex: m, f, or u where both bear them."""
    return {row[0]: row[1] for row in rows("given_names")}


@cache
def family_names() -> frozenset[str]:
    """Known family names, folded."""
    return frozenset(family_per_million())


@cache
def given_per_million() -> dict[str, float]:
    """Bearers of a given name (folded) in a million persons; names that no table lists are missing."""
    return {row[0]: float(row[2]) for row in rows("given_names")}


@cache
def family_per_million() -> dict[str, float]:
    """Bearers of a family name (folded) in a million persons; names that no table lists are missing."""
    return {row[0]: float(row[1]) for row in rows("family_names")}


@lru_cache(READINGS_MAX)
def roots_of(given: str) -> tuple[str, ...]:
    """The names a given name may stand for, itself first: hansi → hansi, hans, johannes; sorted after the first."""
    return (given, *_formal().get(given, ()))


@cache
def _formal() -> dict[str, tuple[str, ...]]:
    formal: dict[str, set[str]] = {}
    for row in rows("nicknames"):
        for pet in row[1].split():
            formal.setdefault(pet, set()).add(row[0])
    return {pet: tuple(sorted(names)) for pet, names in formal.items()}


class _Words(NamedTuple):
    kept: tuple[str, ...]
    generation: str | None
    sex: str | None
    spaced: int


@lru_cache(READINGS_MAX)
def _words(text: str | None) -> _Words:
    if not text or meant_as_name(text) is None:
        return _Words((), None, None, 0)
    spoken = words_of(text)
    sex = next((_SALUTATIONS[word] for word in spoken[:1] if word in _SALUTATIONS and len(spoken) > 1), None)
    body = spoken[1:] if sex else spoken
    generation = next((_GENERATIONS[word] for word in body[1:] if word in _GENERATIONS), None)
    kept = _without_titles([word for word in body if word not in _GENERATIONS or generation is None])
    if (
        kept
        and all(meant_as_name(word) is None for word in kept if len(word) > 1)
        and any(len(word) > 1 for word in kept)
    ):
        return _Words((), None, sex, 0)
    return _Words(tuple(kept), generation, sex, len([part for part in _PARTS.split(text.strip()) if part]))


def _without_titles(spoken: list[str]) -> list[str]:
    """Titles off both ends; a title alone is a name (Graf, Baron), and single letters only go with a title."""
    begin, end = 0, len(spoken)
    while begin < end - 1 and spoken[begin] in TITLES and (begin > 0 or spoken[begin] not in _LETTERS_IN_TITLES):
        begin += 1
    while end - 1 > begin and spoken[end - 1] in TITLES and spoken[end - 1] not in _LETTERS_IN_TITLES:
        end -= 1
    return [word for word in spoken[begin:end] if word.isalpha()] or spoken[begin:end]


def _without_particles(parts: Iterable[str]) -> tuple[str, ...]:
    every = tuple(parts)
    if not _JOINED.isdisjoint(every[:-1]):
        every = _joined(every)
    return tuple(part for part in every if part not in _PARTICLES and len(part) > 1) or every


def _joined(parts: tuple[str, ...]) -> tuple[str, ...]:
    """O Neil as oneil: what only begins a name belongs to the word behind it."""
    kept: list[str] = []
    for part in parts:
        if kept and kept[-1] in _JOINED:
            kept[-1] += part
        else:
            kept.append(part)
    return tuple(kept)


def _part_family(first: _Words, last: _Words) -> tuple[_Words, _Words]:
    """A family field that holds the whole name: "Thomas Walter", "L. Sparks"."""
    head, tail = last.kept[:-1], last.kept[-1:]
    if last.spaced < 2 or not head or any(part in _PARTICLES for part in head):
        return first, last
    if len(head[0]) == 1 or head[0] in given_sexes():
        return last._replace(kept=head), last._replace(kept=tail)
    if tail[0] in given_sexes() and head[-1] not in given_sexes():
        return last._replace(kept=tail), last._replace(kept=head)
    return first, last


def _part_given(first: _Words, last: _Words) -> tuple[_Words, _Words]:
    """A given field that holds the whole name: "Jörg Müller"; two given names stay given."""
    head, tail = first.kept[:-1], first.kept[-1:]
    if first.spaced < 2 or not head or len(tail[0]) == 1:
        return first, last
    if tail[0] in family_names() and tail[0] not in given_sexes():
        return first._replace(kept=head), first._replace(kept=tail)
    return first, last


@lru_cache(READINGS_MAX)
def _whole(full: str) -> NameReading:
    """A name in one field. Two words are given and family name; nameparser reads what is longer or has a comma."""
    spoken = _words(full)
    if not spoken.kept:
        return NameReading((), (), None, spoken.sex)
    if "," not in full and not spoken.kept[2:]:
        first, last = spoken.kept[0], spoken.kept[1:]
        if last or (first in given_sexes() and first not in family_names()):
            return NameReading((first,), last, spoken.generation, spoken.sex)
        return NameReading((), (first,), spoken.generation, spoken.sex)
    parsed = HumanName(full)
    given_words = _words(f"{parsed.first} {parsed.middle}".strip())
    family_words = _words(parsed.last)
    generation = generation_of(parsed.suffix) or spoken.generation
    return NameReading(given_words.kept, _without_particles(family_words.kept), generation, spoken.sex)
