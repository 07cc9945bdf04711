"""Lists that no model has seen: `python -m tests.bench.noisy [--kind crm --noise 2 --persons 6000] [--write FILE]`.

People with households, employers, moves and marriages are made up from the tables of names and word lists of this file;
sources write them down as such sources do: a shop asks for the address, a newsletter for the mailbox alone. `--noise`
multiplies how often they do it badly (1: a list that somebody keeps; 2 and more: one that nobody does). `census` is a
list of residents in the United States, complete and badly typed, with its own names. Nothing of this is learned from:
the shipped model is measured on all of it, and one learned from the other half of the persons beside it.
"""

import argparse
import csv
import gzip
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeVar

from services.dedup.core.model import load_model
from services.dedup.train.choosing import beside, crossed, halves_of
from services.dedup.train.saying import compared
from services.dedup.train.sets import read_set
from shared.domain.names import family_per_million, given_per_million, given_sexes, roots_of
from shared.domain.text import is_placeholder
from tests.bench.matching import MODEL
from tests.bench.people import CITIES, FOLDED, UMLAUTS

Value = TypeVar("Value")

COLUMNS: Final[tuple[str, ...]] = (
    "record_id", "cluster_id", "given_name", "family_name", "email", "phone", "street", "postcode", "city", "birthday",
    "company", "salutation",
)  # fmt: skip

MAILERS: Final = ("web.de", "gmx.de", "gmail.com", "t-online.de", "freenet.de", "outlook.de", "yahoo.de", "posteo.de")
STREETS: Final = (
    "Ahornweg", "Am Anger", "Bahnhofstraße", "Bergstraße", "Buchenallee", "Dorfstraße", "Erlengrund", "Fliederweg",
    "Gartenstraße", "Goethestraße", "Hafenstraße", "Hauptstraße", "Im Winkel", "Kastanienallee", "Kirchgasse",
    "Lerchenweg", "Marktplatz", "Mozartstraße", "Neue Straße", "Ringstraße", "Schillerstraße", "Schulstraße",
    "Talstraße", "Uferweg", "Waldstraße", "Weidenkamp", "Ziegeleistraße",
)  # fmt: skip
TRADES: Final = ("Bau", "Elektrotechnik", "Druck", "Logistik", "Immobilien", "Software", "Gartenbau", "Medizintechnik")
FORMS: Final = ("GmbH", "AG", "GmbH & Co. KG", "e.K.", "KG")

AMERICAN_FAMILY: Final = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis "
    "Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall "
    "Rivera Campbell Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes "
    "Stewart Morris Morales Murphy"
)
AMERICAN_GIVEN: Final = (
    "James Mary Michael Patricia Robert Jennifer John Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Karen Christopher Sarah Charles Lisa Daniel Nancy Matthew Sandra Anthony Betty Mark Ashley "
    "Donald Emily Steven Kimberly Andrew Margaret Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian "
    "Melissa"
)
"""The commonest names of the census of 2010 and 1990, in the order of how many bear them."""
TOWNS: Final = (("622", "Belleville"), ("275", "Cary"), ("453", "Dayton"), ("783", "Laredo"), ("972", "Portland"))
AVENUES: Final = ("Maple Ave", "Oak St", "Second St", "Washington Blvd", "Lake Rd", "Hill Dr", "Park Ave", "Elm St")

SEEN: Final[Mapping[str, tuple[float, Mapping[str, float]]]] = {
    "web": (0.30, {"email": 0.95, "phone": 0.25, "address": 0.1, "birthday": 0.03, "company": 0.05}),
    "shop": (0.20, {"email": 0.95, "phone": 0.5, "address": 0.95, "birthday": 0.15, "company": 0.05}),
    "crm": (0.25, {"email": 0.75, "phone": 0.7, "address": 0.5, "birthday": 0.2, "company": 0.45}),
    "billing": (0.15, {"email": 0.35, "phone": 0.5, "address": 0.97, "birthday": 0.2, "company": 0.3}),
    "event": (0.10, {"email": 0.95, "phone": 0.2, "address": 0.05, "birthday": 0.0, "company": 0.6}),
}
"""By source its share of the records, and how often it is told what."""

RECORDS: Final = (0.5, 0.25, 0.13, 0.07, 0.05)
"""Shares of the persons with one to five records."""


@dataclass(slots=True)
class Person:
    """Somebody, with everything that was ever true of them, the present first."""

    number: int
    given: str
    families: list[str]
    addresses: list[tuple[str, str, str]]
    mails: list[str]
    phones: list[str]
    birthday: str
    woman: bool
    company: str | None = None
    role_mail: str | None = None
    also_called: list[str] = field(default_factory=list[str])


class Names:
    """Names drawn by how many bear them; the American ones by their rank (Zipf)."""

    def __init__(self, dice: random.Random, *, american: bool) -> None:
        self._dice = dice
        if american:
            self._given = {name: 1 / (rank + 3) for rank, name in enumerate(AMERICAN_GIVEN.split())}
            self._family = {name: 1 / (rank + 3) for rank, name in enumerate(AMERICAN_FAMILY.split())}
            rare = (name.title() for name in list(family_per_million())[200:2_000])
            self._family |= dict.fromkeys(rare, 0.002)
        else:
            self._given, self._family = _borne(given_per_million()), _borne(family_per_million())
        self._up_to = {id(table): [*accumulate(table.values())] for table in (self._given, self._family)}

    def given(self) -> str:
        return self._one(self._given)

    def family(self) -> str:
        return self._one(self._family)

    def _one(self, table: Mapping[str, float]) -> str:
        return self._dice.choices([*table], cum_weights=self._up_to[id(table)])[0]


def _borne(per_million: Mapping[str, float]) -> dict[str, float]:
    return {UMLAUTS.get(one, one).title(): share for one, share in per_million.items() if not is_placeholder(one)}


class Town:
    """Makes people: two of five live with somebody of their name, who may share a landline or a mailbox."""

    def __init__(self, seed: int, *, american: bool) -> None:
        self.dice = random.Random(seed)
        self._american = american
        self._names = Names(self.dice, american=american)
        self._firms = [self._firm() for _ in range(150)]
        self._short = _short_forms()
        self._number = 0

    def people(self, count: int) -> Iterator[Person]:
        """So many persons, households together."""
        while self._number < count:
            yield from self._household(self.dice.choices((1, 2, 3), (0.6, 0.25, 0.15))[0])

    def _household(self, size: int) -> Iterator[Person]:
        family, address, landline = self._names.family(), self._address(), self._landline()
        shared = f"familie.{_plain(family)}{self.dice.randint(1, 99)}@{self.dice.choice(MAILERS)}"
        for place in range(size):
            one = self._person(family, address, child=place == 2)
            if size > 1 and self.dice.random() < 0.4:
                one.phones.append(landline)
            if size > 1 and self.dice.random() < 0.08:
                one.mails = [shared, *one.mails]
            yield one

    def _person(self, family: str, address: tuple[str, str, str], *, child: bool) -> Person:
        self._number += 1
        dice, given = self.dice, self._names.given()
        woman = given_sexes().get(_plain(given)) == "f"
        year = dice.randint(1995, 2006) if child else dice.randint(1940, 1994)
        one = Person(
            self._number,
            given,
            [family, self._names.family()] if woman and not child and dice.random() < 0.12 else [family],
            [address, self._address()] if dice.random() < 0.2 else [address],
            [self._mailbox(given, family) for _ in range(dice.choices((1, 2), (0.8, 0.2))[0])],
            [self._mobile()] if dice.random() < 0.85 else [],
            f"{year}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}",
            woman,
            also_called=self._short.get(_plain(given), []),
        )
        if not child and dice.random() < 0.4:
            one.company, domain = dice.choice(self._firms)
            one.mails.append(f"{_plain(given)[0]}.{_plain(family)}@{domain}")
            one.role_mail = f"info@{domain}"
        return one

    def _mailbox(self, given: str, family: str) -> str:
        first, last = _plain(given), _plain(family)
        bare = self.dice.choice((f"{first}.{last}", f"{first}{last}", f"{first[0]}.{last}", f"{last}.{first}", last))
        free = self.dice.random() < 0.45
        return f"{bare}{'' if free else self.dice.randint(1, 99)}@{self.dice.choice(MAILERS)}"

    def _mobile(self) -> str:
        return f"0{self.dice.choice((151, 160, 162, 170, 171, 173, 176, 178))}{self.dice.randrange(10**6, 10**8)}"

    def _landline(self) -> str:
        return f"0{self.dice.choice((30, 40, 89, 221, 711, 431, 341))}{self.dice.randrange(10**5, 10**7)}"

    def _address(self) -> tuple[str, str, str]:
        district, city = self.dice.choice(TOWNS if self._american else CITIES)
        number, length = self.dice.randint(1, 180), 5 - len(district)
        postcode = f"{district}{self.dice.randrange(10 ** (length - 1), 10**length)}"
        street = f"{number} {self.dice.choice(AVENUES)}" if self._american else f"{self.dice.choice(STREETS)} {number}"
        return street, postcode, city

    def _firm(self) -> tuple[str, str]:
        family, trade = self._names.family(), self.dice.choice(TRADES)
        return f"{family} {trade} {self.dice.choice(FORMS)}", f"{_plain(family)}-{trade.lower()}.de"


def _short_forms() -> dict[str, list[str]]:
    """By given name its pet forms, from the table that matching uses as well: others it could not know."""
    found: dict[str, list[str]] = {}
    for name in given_sexes():
        for root in roots_of(name):
            if root != name:
                found.setdefault(root, []).append(name.title())
    return found


def _plain(name: str) -> str:
    return "".join(sign for sign in name.translate(FOLDED).lower() if sign.isalpha())


class Clerk:
    """Writes people down, badly as often as `noise` says."""

    def __init__(self, dice: random.Random, noise: float) -> None:
        self._dice = dice
        self._noise = noise

    def record(self, person: Person) -> dict[str, str]:
        """What one source, drawn by its share, holds of this person."""
        source = self._dice.choices([*SEEN], [share for share, _ in SEEN.values()])[0]
        told = {what: self._dice.random() < share for what, share in SEEN[source][1].items()}
        said = self._named(person)
        if told["email"]:
            said["email"] = self._mail(person)
        if told["phone"] and person.phones:
            said["phone"] = self._phone(self._dice.choice(person.phones))
        if told["address"]:
            said |= self._address(person)
        if told["birthday"]:
            said["birthday"] = self._birthday(person.birthday)
        if told["company"] and person.company:
            said["company"] = self._company(person.company)
        return said

    def resident(self, person: Person) -> dict[str, str]:
        """What a register holds: all but mail, seldom a number."""
        said = self._named(person) | self._address(person)
        if not self._badly(0.04):
            said["birthday"] = self._birthday(person.birthday)
        if person.phones and self._dice.random() < 0.3:
            said["phone"] = self._typed(person.phones[0], 0.03)
        return said

    def _badly(self, share: float) -> bool:
        return self._dice.random() < share * self._noise

    def _named(self, person: Person) -> dict[str, str]:
        given, family = person.given, self._of(person.families, 0.25)
        if person.also_called and self._badly(0.03):
            given = self._dice.choice(person.also_called)
        if self._badly(0.04):
            given = f"{given[0]}."
        given, family = self._typed(given, 0.025), self._typed(family, 0.03)
        if self._dice.random() < 0.2:
            given, family = given.translate(FOLDED), family.translate(FOLDED)
        if self._badly(0.02):
            given, family = family, given
        shown = self._dice.choices((str, str.lower, str.upper), (0.9, 0.06, 0.04))[0]
        said = {"given_name": shown(given), "family_name": shown(family)}
        if self._badly(0.03):
            said.pop("given_name")
        if self._dice.random() < 0.15:
            said["salutation"] = "Frau" if person.woman else "Herr"
        return said

    def _mail(self, person: Person) -> str:
        if person.role_mail and self._badly(0.03):
            return person.role_mail
        local, _, domain = self._of(person.mails, 0.35).partition("@")
        return f"{self._typed(local, 0.015)}@{domain}"

    def _address(self, person: Person) -> dict[str, str]:
        street, postcode, city = self._of(person.addresses, 0.4)
        if self._dice.random() < 0.3:
            street = street.replace("straße", self._dice.choice(("str.", "strasse")))
        said = {"street": self._typed(street, 0.04), "postcode": self._typed(postcode, 0.02), "city": city}
        said["city"] = self._typed(city, 0.03)
        if self._badly(0.05):
            said.pop(self._dice.choice(("street", "postcode")))
        return said

    def _phone(self, number: str) -> str:
        if self._badly(0.02):
            return self._dice.choice(("0000000", "123456", "unbekannt"))
        written = self._typed(number, 0.02)
        return self._dice.choice((written, f"+49 {written[1:]}", f"{written[:4]} {written[4:]}", f"0049{written[1:]}"))

    def _birthday(self, day: str) -> str:
        year, month, number = day.split("-")
        if self._badly(0.03) and int(number) <= 12:
            month, number = number, month
        if self._badly(0.02):
            year = str(int(year) + self._dice.choice((-10, -1, 1, 10)))
        return f"{year}-{month}-{number}"

    def _company(self, company: str) -> str:
        return self._typed(company.rpartition(" ")[0] if self._badly(0.2) else company, 0.03)

    def _of(self, values: Sequence[Value], share: float) -> Value:
        """The present value, or a former one."""
        return self._dice.choice(values[1:]) if len(values) > 1 and self._dice.random() < share else values[0]

    def _typed(self, text: str, share: float) -> str:
        """The text with a slip: a sign dropped, doubled, replaced, or two exchanged."""
        if len(text) < 3 or not self._badly(share):
            return text
        at = self._dice.randrange(1, len(text) - 1)
        before, sign, after = text[:at], text[at], text[at + 1 :]
        other = str((int(sign) + 1) % 10) if sign.isdigit() else self._dice.choice("aeinrst")
        slips = (
            before + after,
            before + sign + sign + after,
            before + other + after,
            before + after[0] + sign + after[1:],
        )
        return self._dice.choice(slips)


def rows(kind: str, persons: int, noise: float, seed: int) -> Iterator[dict[str, str]]:
    """Labelled records of so many persons, in random order; the same for the same arguments."""
    town = Town(seed, american=kind == "census")
    clerk = Clerk(town.dice, noise)
    written = clerk.resident if kind == "census" else clerk.record
    found = [
        {"cluster_id": str(person.number), **written(person)}
        for person in town.people(persons)
        for _ in range(town.dice.choices(range(1, len(RECORDS) + 1), RECORDS)[0])
    ]
    town.dice.shuffle(found)
    for number, row in enumerate(found):
        yield {"record_id": f"n{number}", **row}


def write(path: Path, found: Iterator[dict[str, str]]) -> None:
    """Records as a labelled file, gzipped."""
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([row.get(column, "") for column in COLUMNS] for row in found)


def lines(path: Path, kind: str) -> Iterator[str]:
    """The shipped model on this file, and one learned from the other half of its persons."""
    labelled = read_set(path, "US" if kind == "census" else "DE")
    halves = halves_of(labelled)
    shipped, trial = beside(halves, load_model(MODEL.read_bytes())), crossed(halves)
    pairs = sum(half.labelled.true_pairs for half in halves)
    blocked = sum(one.blocked.right for one in shipped.measured)
    yield f"{len(labelled.traits):,} records, {pairs:,} true pairs, of which candidates find {blocked / pairs:.4f}."
    yield ""
    yield from compared([("shipped, learned from crm_de_dev", shipped), ("learned from the other half", trial)])


def main() -> int:
    """Make a list, write or measure it; exit 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=("crm", "census"), default="crm")
    parser.add_argument("--persons", type=int, default=6_000)
    parser.add_argument("--noise", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="a labelled file, instead of measuring")
    options = parser.parse_args()
    found = rows(options.kind, options.persons, options.noise, options.seed)
    if options.write is not None:
        write(options.write, found)
        return 0
    with tempfile.NamedTemporaryFile(suffix=".csv.gz") as file:
        write(Path(file.name), found)
        for line in lines(Path(file.name), options.kind):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
