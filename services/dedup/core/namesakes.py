"""Namesakes: how much two names are alike, in a word: straight, crosswise, and as far as a mail address tells."""

from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA, JaroWinkler

from shared.domain.names import family_names, given_sexes, roots_of
from shared.domain.normalise import Traits
from shared.domain.text import flat

READINGS_MAX: Final = 131_072
"""Pairs of names kept as graded: few names make most pairs."""

ONE_SLIP, TWO_SLIPS = 4, 8
"""Letters from which one, then two typing errors still leave a word recognisable."""

GARBLED_FROM: Final = 0.8
"""Jaro-Winkler similarity from which an unknown name may be a known one badly typed; two names reach it rarely."""

MISSING: Final = "missing"
SUPPORTING: Final = frozenset({"exact", "part", "nickname", "similar", "swapped"})

VETOES: Final = frozenset({"birthday", "generation", "given name"})
"""What may forbid that two persons are one; which of these do, the model says. A firm and a person never are."""

Words = tuple[str, ...]


@lru_cache(READINGS_MAX)
def given_grade(one: Words, other: Words) -> str:
    """How alike two given names are.

    exact, part (one of several), nickname (or another spelling of one name), similar (a slip), garbled (more slips,
    and not both are known names), variant (both are, of one sex, a letter apart), initial,
    initial-differs, differs, or missing.
    """
    if not one or not other:
        return MISSING
    if len(one[0]) == 1 or len(other[0]) == 1:
        return "initial" if _same_initial(one, other) else "initial-differs"
    if flat("".join(one)) == flat("".join(other)):
        return "exact"
    if flat(one[0]) == flat(other[0]) or {*one} & {*other}:
        return "part"
    return _single(one[0], other[0])


def _same_initial(one: Words, other: Words) -> bool:
    return bool(one and other) and 1 in (len(one[0]), len(other[0])) and one[0][0] == other[0][0]


def _single(one: str, other: str) -> str:
    if _numbers(one) != _numbers(other):
        return "differs"
    if {*roots_of(one)} & {*roots_of(other)} or _is_short_for(one, other) or _is_short_for(other, one):
        return "nickname"
    if _respelled(one) == _respelled(other):
        return "nickname"
    known, known_too = given_sexes().get(one), given_sexes().get(other)
    if known is not None and known_too is not None:
        return "variant" if slip(one, other) and {known, known_too} != {"m", "f"} else "differs"
    if slip(one, other) or sorted(one) == sorted(other):
        return "similar"
    return "garbled" if JaroWinkler.similarity(one, other) >= GARBLED_FROM else "differs"


def _is_short_for(short: str, long: str) -> bool:
    """Chris for christian; but maria is not short for mariana: a known name of another sex is a name of its own."""
    if not 3 <= len(short) < len(long) or not long.startswith(short):
        return False
    known, known_too = given_sexes().get(short), given_sexes().get(long)
    return known is None or known == known_too or "u" in (known, known_too)


@lru_cache(READINGS_MAX)
def _respelled(name: str) -> str:
    """A name in its plainest spelling: joseph, josef; kathrin, catrin; matthias, mathias; sylvia, silvia."""
    plain = flat(name).replace("ph", "f").replace("th", "t").replace("dt", "t").replace("ck", "k")
    plain = plain.replace("c", "k").replace("kh", "ch").replace("y", "i")
    return "".join(letter for place, letter in enumerate(plain) if letter != plain[place - 1 : place])


@lru_cache(READINGS_MAX)
def family_grade(one: Words, other: Words) -> str:
    """How alike two family names are: exact, part (of a double name), similar (a slip), variant (both are known names),
    differs, or missing.
    """
    if not one or not other:
        return MISSING
    joined, joined_too = "".join(one), "".join(other)
    if flat(joined) == flat(joined_too):
        return "exact"
    if {*one} & {*other}:
        return "part"
    if not slip(joined, joined_too):
        return "differs"
    known = family_names()
    return "variant" if joined in known and joined_too in known else "similar"


def slip(one: str, other: str) -> bool:
    """True when typing errors may lie between two words: one from four letters on, two from eight. Never between two
    numbers: who is numbered (a test person, a branch) is told from the next one by just that.
    """
    if _numbers(one) != _numbers(other):
        return False
    length = max(len(one), len(other))
    if length < ONE_SLIP:
        return False
    allowed = 1 if length < TWO_SLIPS else 2
    return OSA.distance(flat(one), flat(other), score_cutoff=allowed) <= allowed


def _numbers(word: str) -> str:
    return "".join(sign for sign in word if sign.isdigit())


def name_grades(one: Traits, other: Traits) -> tuple[str, str]:
    """The grades of given and family name: straight, crosswise where only that fits, else by guesses from addresses."""
    given, family = given_grade(one.given, other.given), family_grade(one.family, other.family)
    if (given not in SUPPORTING and family not in SUPPORTING) or "differs" in (given, family):
        crossed = _crosswise(one, other)
        if crossed is not None:
            return crossed
    if given in (MISSING, "initial"):
        given = _guessed_given(one, other) or given
    if family == MISSING:
        family = _guessed_family(one, other) or family
    return given, family


def _crosswise(one: Traits, other: Traits) -> tuple[str, str] | None:
    """The grades where given and family name stand in each other's place in one of the two records, or None.

    Both fit; or one fits and the other is an initial or missing; or one fits that can only be a given name, beside
    another family name.
    """
    there, back = family_grade(one.given, other.family), family_grade(one.family, other.given)
    fits, fits_too = there in _FITTING, back in _FITTING
    if fits and fits_too:
        return "swapped", "swapped"
    if _same_initial(one.given, other.family) or _same_initial(one.family, other.given):
        return ("initial", "swapped") if fits or fits_too else _initial_alone(there, back)
    if not fits and not fits_too:
        return None
    met = one.given if fits else one.family
    if MISSING in (there, back):
        # One name alone, met in the other's wrong field: it is given or family name, nobody knows which.
        return ("swapped", MISSING) if (one.given if fits else other.given) else (MISSING, "swapped")
    only_given = met[0] in given_sexes() and met[0] not in family_names()
    return ("swapped", "differs") if only_given else None


_FITTING: Final = frozenset({"exact", "part", "similar"})


def _initial_alone(there: str, back: str) -> tuple[str, str] | None:
    return ("initial", MISSING) if MISSING in (there, back) else None


def _guessed_given(one: Traits, other: Traits) -> str | None:
    guess = (one.guessed_given,) if one.guessed_given else one.given
    guess_too = (other.guessed_given,) if other.guessed_given else other.given
    if not guess or not guess_too or (guess is one.given and guess_too is other.given):
        return None
    grade = given_grade(guess, guess_too)
    if grade == "initial":
        return "initial"
    return "guessed" if grade in SUPPORTING else "guess-differs"


def _guessed_family(one: Traits, other: Traits) -> str | None:
    guess = (one.guessed_family,) if one.guessed_family else one.family
    guess_too = (other.guessed_family,) if other.guessed_family else other.family
    if not guess or not guess_too or (guess is one.family and guess_too is other.family):
        return None
    return "guessed" if family_grade(guess, guess_too) in SUPPORTING else "guess-differs"
