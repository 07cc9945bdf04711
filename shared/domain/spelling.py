"""Spelling: a name as it should be shown, from the fields as typed: split, turned, titles apart, case mended."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from nameparser import HumanName

from shared.domain.names import (
    READINGS_MAX,
    TITLES,
    family_per_million,
    generation_of,
    given_per_million,
    is_particle,
    read_name,
    without_former,
)
from shared.domain.text import is_placeholder, meant_as_name, words_of

_BETWEEN_WORDS: Final = re.compile(r"([\s\-'’]+)")


_SALUTATIONS: Final = frozenset({"herr", "herrn", "hr", "frau", "fr", "frl", "fraeulein", "mr", "mrs", "ms", "miss"})

RARE: Final = 1.0
"""Bearers in a million of a name that no table lists."""

TURN_FROM: Final = 50
"""How much likelier the other order must be: forms have their fields in order about 20 times as often as not."""


class Spelling(NamedTuple):
    """A name to be shown, each part None where nothing is said."""

    prefix: str | None
    given: str | None
    family: str | None
    suffix: str | None


@lru_cache(READINGS_MAX)
def spell_name(given: str | None, family: str | None, full: str | None) -> Spelling:
    """The parts of a name as written, without salutation and former name (geb.).

    One field with everything in it is split, and names that are plainly in each other's place are turned (Schmidt,
    Rolf). All capitals or none become ordinary writing.
    """
    given, family, full = _meant(given), _meant(family), _meant(full)
    if given is None and family is None:
        return _split(full) if full else Spelling(None, None, None, None)
    if given is None or family is None:
        return _split_field(given, family)
    prefix, first = _untitled(given)
    prefix_too, last = _untitled(family)
    if _turned(first, last):
        first, last = last, first
    last, suffix = _unsuffixed(last)
    return Spelling(prefix or prefix_too, recase(first), recase(last), suffix)


def recase(text: str | None) -> str | None:
    """MÜLLER-LÜDENSCHEIDT and müller-lüdenscheidt as Müller-Lüdenscheidt; what has both cases stays as it is."""
    if not text or not (text.isupper() or text.islower()) or len(text) < 2:
        return text
    pieces = _BETWEEN_WORDS.split(text)
    return "".join(
        piece.lower() if is_particle(piece) and place < len(pieces) - 1 else piece[:1].upper() + piece[1:].lower()
        for place, piece in enumerate(pieces)
    )


def completeness_of(text: str) -> tuple[bool, bool, int]:
    """How well a text is written, to choose among spellings of one value: mixed case, own marks kept, length."""
    return not (text.isupper() or text.islower()), not text.isascii(), len(text)


def _meant(text: str | None) -> str | None:
    return meant_as_name(without_former(text)[0]) if text else None


def _split_field(given: str | None, family: str | None) -> Spelling:
    whole = given or family or ""
    read = read_name(given, family, None)
    if read.given and read.family:
        return _split(whole)
    prefix, bare = _untitled(whole)
    bare, suffix = _unsuffixed(bare)
    shown = recase(bare)
    return Spelling(prefix, shown, None, suffix) if given else Spelling(prefix, None, shown, suffix)


def _split(full: str) -> Spelling:
    prefix, bare = _untitled(full)
    bare, suffix = _unsuffixed(bare)
    pieces = bare.split()
    if "," not in bare and len(pieces) == 1:
        alone = recase(bare)
        read = read_name(None, None, bare)
        return Spelling(prefix, alone, None, suffix) if read.given else Spelling(prefix, None, alone, suffix)
    if "," in bare or len(pieces) > 2:
        parsed = HumanName(bare)
        first, last = f"{parsed.first} {parsed.middle}".strip(), str(parsed.last)
        suffix = suffix or str(parsed.suffix) or None
    else:
        first, last = pieces
    if _turned(first, last):
        first, last = last, first
    return Spelling(prefix, recase(first) or None, recase(last) or None, suffix)


def _turned(first: str, last: str) -> bool:
    """True when the names are far likelier in each other's place, as often as both are borne."""
    words, words_too = words_of(first), words_of(last)
    if not words or not words_too:
        return False
    given, family = given_per_million(), family_per_million()
    straight = given.get(words[0], 0.0) * family.get(words_too[-1], RARE)
    crosswise = given.get(words_too[0], 0.0) * family.get(words[-1], RARE)
    return crosswise > TURN_FROM * max(straight, RARE * RARE)


def _untitled(text: str) -> tuple[str | None, str]:
    """Title and the rest, salutation gone: Herr Dr. Max → Dr., Max. A title alone is a name."""
    pieces = text.split()
    begin = 0
    while begin < len(pieces) - 1 and _is_title(pieces[begin]):
        begin += 1
    titles = [piece for piece in pieces[:begin] if not _is_salutation(piece)]
    return " ".join(titles) or None, " ".join(pieces[begin:])


def _is_title(piece: str) -> bool:
    spoken = words_of(piece)
    return _is_salutation(piece) or (bool(spoken) and all(word in TITLES for word in spoken) and len(spoken[0]) > 1)


def _is_salutation(piece: str) -> bool:
    return " ".join(words_of(piece)) in _SALUTATIONS


def _unsuffixed(text: str) -> tuple[str, str | None]:
    """The rest and a suffix of generation at its end: Müller jun. → Müller, jun."""
    head, _, tail = text.rpartition(" ")
    if head and generation_of(tail) is not None and not is_placeholder(head):
        return head.rstrip(" ,"), tail
    return text, None
