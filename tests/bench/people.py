"""Synthetic contacts for benchmarks: seeded, German-looking, with a share of people who come twice in other words."""

import random
from collections.abc import Iterator
from typing import Any, Final

GIVEN: Final = (
    "Anna", "Lena", "Marie", "Julia", "Laura", "Sarah", "Lisa", "Katharina", "Johanna", "Sophie", "Emma", "Lea",
    "Hannah", "Charlotte", "Greta", "Frieda", "Ursula", "Monika", "Petra", "Sabine", "Jan", "Lukas", "Felix",
    "Paul", "Jonas", "Maximilian", "Leon", "Finn", "Elias", "Noah", "Thomas", "Michael", "Andreas", "Stefan",
    "Christian", "Jürgen", "Günter", "Wolfgang", "Klaus", "Werner", "Horst", "Jörg", "Björn", "Sven", "Torsten",
    "Matthias", "Sebastian", "Tobias",
)  # fmt: skip
FAMILY: Final = (
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann",
    "Schäfer", "Koch", "Bauer", "Richter", "Klein", "Wolf", "Schröder", "Neumann", "Schwarz", "Zimmermann",
    "Braun", "Krüger", "Hofmann", "Hartmann", "Lange", "Schmitt", "Werner", "Krause", "Meier", "Lehmann",
    "Köhler", "Maier", "Herrmann", "König", "Walter", "Mayer", "Huber", "Kaiser", "Fuchs", "Peters", "Lang",
    "Scholz", "Möller", "Weiß", "Jung", "Hahn", "Vogel",
)  # fmt: skip
STEMS: Final = (
    "Linden", "Eichen", "Birken", "Rosen", "Wald", "Berg", "Tal", "Brunnen", "Mühlen", "Kirch", "Schloss",
    "Garten", "Wiesen", "See", "Bach", "Stein", "Sonnen", "Feld",
)  # fmt: skip
CITIES: Final = (
    ("10115", "Berlin"), ("20095", "Hamburg"), ("80331", "München"), ("50667", "Köln"), ("60311", "Frankfurt am Main"),
    ("70173", "Stuttgart"), ("40213", "Düsseldorf"), ("04109", "Leipzig"), ("44135", "Dortmund"), ("28195", "Bremen"),
)  # fmt: skip
FOLDED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
SYLLABLES: Final = (
    "ba", "be", "bo", "da", "do", "fa", "ga", "go", "ha", "ka", "ko", "la", "le", "lo", "ma", "me", "mo", "na",
    "no", "ra", "ro", "sa", "so", "ta", "to", "wa", "zi",
)  # fmt: skip


def people(count: int, duplicates: float, seed: int) -> Iterator[dict[str, Any]]:
    """`count` records, of which the given share (0 to 1) are earlier persons said again by another source."""
    dice = random.Random(seed)
    earlier: list[dict[str, Any]] = []
    for number in range(count):
        if earlier and dice.random() < duplicates:
            yield _again(dice.choice(earlier), number, dice)
        else:
            person = _person(number, dice)
            earlier.append(person)
            yield person


def _person(number: int, dice: random.Random) -> dict[str, Any]:
    given, family = dice.choice(GIVEN), dice.choice(FAMILY) + dice.choice(("", "", "-" + dice.choice(FAMILY)))
    mailbox = f"{given}.{family}.{''.join(dice.choices(SYLLABLES, k=3))}".translate(FOLDED).lower()
    postcode, city = dice.choice(CITIES)
    return {
        "source_record_id": str(number),
        "given_name": given,
        "family_name": family,
        "email": f"{mailbox}@{''.join(dice.choices(SYLLABLES, k=4))}.example",
        "phone": f"0{dice.randint(151, 179)} {dice.randint(1_000_000, 9_999_999)}",
        "street": f"{dice.choice(STEMS)}{dice.choice(('straße', 'weg', 'allee'))} {dice.randint(1, 150)}",
        "postcode": postcode,
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
