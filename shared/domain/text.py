"""Text in comparable form: how umlauts, marks and case are folded, and which texts stand for nothing at all."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from shared.domain.scripts import CYRILLIC, latin_from_greek

_TWO_LETTERS: Final = str.maketrans({
    **CYRILLIC,
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "œ": "oe", "ł": "l", "đ": "d",
    "ð": "d", "þ": "th", "ı": "i", "’": "'", "‘": "'", "`": "'", "´": "'", "–": "-", "—": "-", "‐": "-", "\u00a0": " ",
})  # fmt: skip

FOLDED_MAX: Final = 16_384
"""Folded texts kept: names that repeat stay; four times as many held what comes once, and 100 MB more a process."""

_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_UMLAUT_PAIR: Final = re.compile(r"(?<![aeiouq])([aou])e")

_STANDS_FOR_NOTHING: Final = frozenset({
    "n a", "k a", "keine", "kein", "keine angabe", "keine angaben", "ohne", "ohne angabe", "nicht angegeben",
    "nicht bekannt", "nicht vorhanden", "not available", "not applicable", "not provided", "not given", "no name",
    "noname", "unbekannt", "unknown", "unbek", "undefined", "tbd", "tba", "test", "tester", "testtest", "test test",
    "testuser", "testkunde", "dummy", "asdf", "asdfg", "asdfgh", "qwert", "qwertz", "qwerty", "abc", "blank", "empty",
    "leer", "anonym", "anonymous", "vorname", "nachname", "name", "firstname", "lastname", "first name", "last name",
    "musterstadt", "musterstr", "musterstrasse",
    "musterfirma", "foo", "bar", "foobar", "nan", "nil", "privat", "private", "keine firma", "",
})  # fmt: skip
_SAMPLES: Final = frozenset(
    {"mustermann", "musterfrau", "max mustermann", "erika mustermann", "mustermann max", "mustermann erika"}
)
_UNLESS_CAPITALISED: Final = frozenset({"na", "null", "none", "no", "nein"})
_PLAINLY_MEANT: Final = re.compile(r"\s*[^\W\d_]{2,}[^\d]*\s\d")
"""Words and a number, such as street and house: no placeholder has both, and most texts need no closer look."""

_ONE_SIGN: Final = re.compile(r"([a-z0-9])\1{2,}|[x]+|0+")


@lru_cache(FOLDED_MAX)
def fold(text: str) -> str:
    """Lower case, umlauts as two letters, Cyrillic and Greek as Latin, other marks removed; punctuation stays."""
    lowered = text.strip().lower()
    if lowered.isascii():
        return lowered
    spelled = unicodedata.normalize("NFC", lowered).translate(_TWO_LETTERS)
    if spelled.isascii():
        return spelled
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(sign))
    return bare if bare.isascii() else latin_from_greek(bare)


@lru_cache(FOLDED_MAX)
def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a text: letters and digits only, in their order. An apostrophe parts no word (O'Neil); other
    scripts than Latin, Cyrillic and Greek keep their letters.
    """
    folded = fold(text).replace("'", "").replace("`", "")
    if folded.isascii():
        return tuple(_NOT_A_WORD.sub(" ", folded).split())
    return tuple("".join(sign if sign.isalnum() else " " for sign in folded).split())


@lru_cache(FOLDED_MAX)
def flat(folded: str) -> str:
    """A folded word with umlauts as one letter, so that Müller, Mueller and Muller are written alike."""
    return _UMLAUT_PAIR.sub(r"\1", folded)


@lru_cache(FOLDED_MAX)
def is_placeholder(text: str) -> bool:
    """True for what people type into a required field they do not want to fill: n/a, -, xxx, unbekannt, test."""
    spoken = " ".join(words_of(text))
    if spoken in _STANDS_FOR_NOTHING or spoken in _SAMPLES or _ONE_SIGN.fullmatch(spoken):
        return True
    return spoken in _UNLESS_CAPITALISED and not text.strip().istitle()


def meant_as_name(text: str | None) -> str | None:
    """As `meant`, but sample names (Mustermann) are names: two records of one Max Mustermann may be one."""
    if text is None or (is_placeholder(text) and " ".join(words_of(text)) not in _SAMPLES):
        return None
    return text.strip()


def meant(text: str | None) -> str | None:
    """The text without outer blanks, or None where nothing was meant by it."""
    if text is None or (not _PLAINLY_MEANT.match(text) and is_placeholder(text)):
        return None
    return text.strip()
