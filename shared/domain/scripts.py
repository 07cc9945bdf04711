"""Scripts: Cyrillic and Greek in Latin letters, as passports write them, so that Юрий and Iurii are one name.

Cyrillic after ICAO Doc 9303, part 3, section 6 (table B); Greek after ISO 843:1997, transcription (ELOT 743), which
Greek passports follow. Both are one way: what was typed is kept, only its comparable form is Latin.
"""

import re
from typing import Final

CYRILLIC: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "ђ": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh",
    "з": "z", "ѕ": "dz", "и": "i", "і": "i", "ї": "i", "й": "i", "ј": "j", "к": "k", "ќ": "k", "л": "l", "љ": "lj",
    "м": "m", "н": "n", "њ": "nj", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "ћ": "c", "у": "u", "ў": "u",
    "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "џ": "dz", "ш": "sh", "щ": "shch", "ъ": "ie", "ы": "y", "ь": "",
    "э": "e", "ю": "iu", "я": "ia",
}  # fmt: skip
"""Lower case letters of Russian, Ukrainian, Belarusian, Bulgarian, Serbian and Macedonian."""

_GREEK: Final = str.maketrans({
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
})  # fmt: skip
_TOGETHER: Final = (
    (re.compile(r"ου"), "ou"),
    (re.compile(r"(?<=[αεη])υ(?=[αβγδεζηλιμνορωυ])"), "v"),
    (re.compile(r"(?<=[αεη])υ"), "f"),
    (re.compile(r"γ(?=[γξχ])"), "n"),
    (re.compile(r"\bμπ|μπ\b"), "b"),
)
"""Letters that sound otherwise together; in this order, since υ means something else behind ο and before a voice."""


def latin_from_greek(folded: str) -> str:
    """Lower case Greek without accents in Latin letters; everything else stays as it is."""
    for together, sound in _TOGETHER:
        folded = together.sub(sound, folded)
    return folded.translate(_GREEK)
