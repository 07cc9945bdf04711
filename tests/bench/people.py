"""Synthetic contacts for benchmarks: seeded, German-looking, with a share of people who come twice in other words."""

import random
from bisect import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, Final

from shared.domain.names import family_per_million, given_per_million
from shared.domain.text import is_placeholder

FOLDED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
UMLAUTS: Final = {
    name.translate(FOLDED): name
    for name in (
        "jürgen", "günter", "günther", "jörg", "björn", "rüdiger", "käthe", "bärbel", "jürg", "sören", "müller",
        "schäfer", "schröder", "krüger", "köhler", "könig", "möller", "weiß", "günther", "krämer", "jäger", "böhm",
        "groß", "förster", "vögel", "büttner", "kühn", "schütz", "böttcher", "schüler", "götz", "bär", "lübke",
    )
}  # fmt: skip
"""The commonest names of the tables, which are folded, as their bearers write them."""

STEMS: Final = (
    "Linden", "Eichen", "Birken", "Rosen", "Wald", "Berg", "Tal", "Brunnen", "Mühlen", "Kirch", "Schloss",
    "Garten", "Wiesen", "See", "Bach", "Stein", "Sonnen", "Feld",
)  # fmt: skip
CITIES: Final = (
    ("10", "Berlin"), ("12", "Berlin"), ("13", "Berlin"), ("20", "Hamburg"), ("22", "Hamburg"), ("80", "München"),
    ("81", "München"), ("50", "Köln"), ("60", "Frankfurt am Main"), ("70", "Stuttgart"), ("40", "Düsseldorf"),
    ("04", "Leipzig"), ("44", "Dortmund"), ("28", "Bremen"), ("01", "Dresden"), ("90", "Nürnberg"),
)  # fmt: skip
"""The first two digits of a postcode, and the city."""

MOBILE: Final = (("160", 7), ("162", 7), ("163", 7), ("170", 7), ("171", 7), ("172", 7), ("175", 7), ("177", 7),
                 ("178", 7), ("179", 7), ("1511", 7), ("1522", 7), ("1573", 7), ("1590", 7))  # fmt: skip
"""Prefixes of German mobile numbers in use, and the digits behind them."""

SYLLABLES: Final = (
    "ba", "be", "bo", "da", "do", "fa", "ga", "go", "ha", "ka", "ko", "la", "le", "lo", "ma", "me", "mo", "na",
    "no", "ra", "ro", "sa", "so", "ta", "to", "wa", "zi",
)  # fmt: skip


def people(count: int, duplicates: float, seed: int) -> Iterator[dict[str, Any]]:
    """`count` records, of which the given share (0 to 1) are earlier persons said again by another source.

    Names come as often as the tables of names say they are borne, so that namesakes are as many as in a real list.
    """
    dice = random.Random(seed)
    given, family = _Drawn(given_per_million(), dice), _Drawn(family_per_million(), dice)
    earlier: list[dict[str, Any]] = []
    for number in range(count):
        if earlier and dice.random() < duplicates:
            yield _again(dice.choice(earlier), number, dice)
        else:
            person = _person(number, given, family, dice)
            earlier.append(person)
            yield person


class _Drawn:
    """Names drawn by how many bear them."""

    def __init__(self, per_million: Mapping[str, float], dice: random.Random) -> None:
        borne = {name: share for name, share in per_million.items() if not is_placeholder(name)}
        self._names = list(borne)
        self._up_to = list(accumulate(borne.values()))
        self._dice = dice

    def one(self) -> str:
        name = self._names[bisect(self._up_to, self._dice.random() * self._up_to[-1])]
        return UMLAUTS.get(name, name).title()


def _person(number: int, givens: _Drawn, families: _Drawn, dice: random.Random) -> dict[str, Any]:
    given, family = givens.one(), families.one()
    if dice.random() < 0.05:
        family = f"{family}-{families.one()}"
    mailbox = f"{given}.{family}.{''.join(dice.choices(SYLLABLES, k=3))}".translate(FOLDED).lower()
    district, city = dice.choice(CITIES)
    prefix, digits = dice.choice(MOBILE)
    return {
        "source_record_id": str(number),
        "given_name": given,
        "family_name": family,
        "email": f"{mailbox}@{''.join(dice.choices(SYLLABLES, k=4))}.example",
        "phone": f"0{prefix} {dice.randrange(10 ** (digits - 1), 10**digits)}",
        "street": f"{dice.choice(STEMS)}{dice.choice(('straße', 'weg', 'allee'))} {dice.randint(1, 150)}",
        "postcode": f"{district}{dice.randint(100, 999)}",
        "city": city,
        "country": "DE",
    }


def _again(person: dict[str, Any], number: int, dice: random.Random) -> dict[str, Any]:
    said = {**person, "source_record_id": f"again-{number}"}
    said["given_name"] = said["given_name"].translate(FOLDED)
    said["phone"] = "+49 " + said["phone"][1:]
    if dice.random() < 0.3:
        said.pop("street")
    return said
