"""Draws the persons of the bundled feeds, and says about each what a form, a newsletter or a registration would say."""

import random
from dataclasses import dataclass
from typing import Any, Final

from tests.support import feed_words as words

Row = dict[str, Any]

TYPED_WRONG_SHARE: Final = 0.07
"""How often a mail host is mistyped in a form; high, so that the demo has something to show."""

UMLAUTS: Final = str.maketrans(
    dict[str, str | int | None](ä="ae", ö="oe", ü="ue", Ä="Ae", Ö="Oe", Ü="Ue", ß="ss"),
)


@dataclass(frozen=True)
class Person:
    """One person as he or she really is; every delivery is a distortion of this."""

    key: str
    given: str
    family: str
    gender: str
    title: str | None
    mail: str
    phone: str
    landline: str | None
    street: str
    number: str
    postcode: str
    city: str
    country: str
    birthday: str
    company: str | None


class Maker:
    """Draws persons and deliveries from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._taken: set[tuple[str, str]] = {("Jörg", "Müller"), ("Jörg", "Müller-Lüdenscheidt")}
        self._people = 0

    def person(self) -> Person:
        """Somebody new; no two share a name, a mailbox or a number (whom that holds for is special)."""
        self._people += 1
        n, british = self._people, self.dice.random() < 0.12
        given, family, gender = self._name(english=british or self.dice.random() < 0.06)
        postcode, city = self.dice.choice(words.BRITISH_TOWNS if british else words.TOWNS)
        street = self.dice.choice(words.BRITISH_STREETS if british else words.STREETS)
        return Person(
            key=f"p{n:03}",
            given=given,
            family=family,
            gender=gender,
            title=self.dice.choice(words.TITLES) if self.dice.random() < 0.07 else None,
            mail=self._mail(given, family, n),
            phone=f"+4420794{60_000 + n:05}" if british else f"+4917604069{n:03}",
            landline=None if british or self.dice.random() < 0.7 else f"+493023125{n:03}",
            street=street,
            number=f"{self.dice.randint(1, 120)}{self.dice.choice(['', '', '', 'a', 'b'])}",
            postcode=postcode,
            city=city,
            country="GB" if british else "DE",
            birthday=f"{self.dice.randint(1944, 2004)}-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}",
            company=self.dice.choice(words.COMPANIES) if self.dice.random() < 0.18 else None,
        )

    def _name(self, *, english: bool) -> tuple[str, str, str]:
        givens, families = (
            (words.ENGLISH_GIVEN, words.ENGLISH_FAMILY) if english else (words.GERMAN_GIVEN, words.GERMAN_FAMILY)
        )
        while True:
            gender = self.dice.choice("wm")
            name = self.dice.choice(givens[gender]), self.dice.choice(families)
            if name not in self._taken:
                self._taken.add(name)
                return (*name, gender)

    def _mail(self, given: str, family: str, n: int) -> str:
        first, last = ascii_of(given).lower(), ascii_of(family).lower()
        if self.dice.random() < 0.3:
            return f"{first}.{last}.{7000 + n}@{self.dice.choice(words.FREE_MAIL_HOSTS)}"
        local = self.dice.choice([f"{first}.{last}", f"{first[0]}.{last}", f"{last}.{first}"])
        return f"{local}{n}@{self.dice.choice(words.MAIL_HOSTS)}"

    def webform(self, person: Person) -> Row:
        """What a person types into a form: nearly right, most of it there."""
        dice = self.dice
        row: Row = {
            "observed_at": self._time(),
            "salutation": "Frau" if person.gender == "w" else "Herr",
            "given_name": person.given,
            "family_name": person.family,
            "email": self._typed(person.mail, TYPED_WRONG_SHARE),
            "phone": self._phone(person.phone),
        }
        if person.title:
            row["name_prefix"] = person.title
        if dice.random() < 0.75:
            row |= self._address(person)
        if dice.random() < 0.55:
            row["birthday"] = person.birthday
        if person.company:
            row["company"] = person.company
        if dice.random() < 0.3:
            at = row["observed_at"]
            row["consents"] = [{"purpose": "newsletter", "channel": "email", "status": "granted", "at": at}]
        if dice.random() < 0.15:
            row["attributes"] = {"message": dice.choice(["Bitte um Rückruf", "Katalog bitte", "Please call me back"])}
        if dice.random() < 0.05:
            row["phone"] = dice.choice(["n/a", "-", "unbekannt"])
        return row

    def newsletter(self, person: Person) -> Row:
        """A mailbox and a name, the latter often written as it comes."""
        dice, given, family = self.dice, person.given, person.family
        if dice.random() < 0.25:
            given, family = ascii_of(given), ascii_of(family)
        if dice.random() < 0.12:
            given, family = given.lower(), family.lower()
        row = {"email": self._typed(person.mail, 0.03), "first name": given, "last name": family}
        row["language"] = "en" if person.country == "GB" else "de"
        row["company"] = person.company or "" if dice.random() < 0.5 else ""
        row["phone"] = self._phone(person.phone) if dice.random() < 0.35 else ""
        return row

    def registration(self, person: Person) -> Row:
        """An event's list, typed by somebody else from a paper: capitals, telephone numbers, birthdays, few mails."""
        dice, given, family = self.dice, person.given, person.family
        if dice.random() < 0.2:
            given, family = given.upper(), family.upper().replace("ß", "SS")
        if dice.random() < 0.06:
            family = misspelt(family, dice)
        address = self._address(person)
        year, month, day = person.birthday.split("-")
        return {
            "Anrede": "Frau" if person.gender == "w" else "Herr",
            "Titel": person.title or "",
            "Vorname": given,
            "Nachname": family,
            "Straße": address["street"],
            "PLZ": address["postcode"],
            "Ort": address["city"],
            "Land": "Großbritannien" if person.country == "GB" else dice.choice(["Deutschland", "", "D"]),
            "Telefon": self._phone(person.landline) if person.landline else "",
            "Mobil": self._phone(person.phone) if dice.random() < 0.85 else "",
            "E-Mail": person.mail if dice.random() < 0.6 else dice.choice(["", "", "n/a"]),
            "Geburtsdatum": f"{day}.{month}.{year}" if dice.random() < 0.7 else "",
            "Firma": person.company or "",
        }

    def _address(self, person: Person) -> Row:
        street = person.street
        if street.endswith("straße") and self.dice.random() < 0.4:
            street = street.removesuffix("straße") + self.dice.choice(["str.", "strasse"])
        return {
            "street": f"{street} {person.number}",
            "postcode": person.postcode,
            "city": person.city,
            "country": "GB" if person.country == "GB" else self.dice.choice(["DE", "Deutschland", "Germany"]),
        }

    def _phone(self, number: str) -> str:
        """The same number, as people write it."""
        if number.startswith("+44"):
            rest = number[3:]
            return self.dice.choice([f"+44 {rest[:2]} {rest[2:6]} {rest[6:]}", f"0044{rest}"])
        rest = number[3:]
        cut = 2 if rest.startswith("30") else 3
        return self.dice.choice(
            [
                f"0{rest[:cut]}/{rest[cut:]}",
                f"+49 {rest[:cut]} {rest[cut:]}",
                f"0{rest[:cut]} {rest[cut : cut + 3]} {rest[cut + 3 :]}",
                f"0049 ({rest[:cut]}) {rest[cut:]}",
                f"+49 (0){rest[:cut]} - {rest[cut:]}",
            ]
        )

    def _typed(self, mail: str, share: float) -> str:
        """The address with a mistyped host, now and then."""
        local, _, host = mail.partition("@")
        if self.dice.random() < share and host in words.MISTYPED_HOSTS:
            return f"{local}@{words.MISTYPED_HOSTS[host]}"
        return mail

    def _time(self) -> str:
        month, day, hour = self.dice.randint(3, 10), self.dice.randint(1, 28), self.dice.randint(7, 21)
        return f"2026-{month:02}-{day:02}T{hour:02}:15:00+02:00"


def ascii_of(text: str) -> str:
    """Without umlauts, as somebody without the keys for them writes."""
    return text.translate(UMLAUTS)


def misspelt(name: str, dice: random.Random) -> str:
    """A name with one letter doubled or two exchanged."""
    at = dice.randint(1, len(name) - 2)
    if dice.random() < 0.5:
        return name[:at] + name[at] + name[at:]
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
