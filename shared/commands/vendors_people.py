"""Made-up people for vendors that are simulated: the same number and run are the same person."""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

GIVEN: Final = ("Jörg", "Anna", "Mehmet", "Zoë", "Karl-Heinz", "Ida", "Łukasz", "Sofía", "Ben", "Nele")
FAMILY: Final = ("Adler", "Müller-Lüdenscheidt", "Yılmaz", "O'Neill", "Weiß", "Nowak", "Gärtner", "Brandt", "Öztürk")
EPOCH: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the first of the made-up people did something; each of the others a minute later."""


UNSUBSCRIBES_EACH: Final = 4
"""Every fourth leaves again, so that a short run shows both."""


class Person(NamedTuple):
    """One made-up person; the repr shows the number only."""

    number: int
    run: str

    def __repr__(self) -> str:
        return f"Person({self.number})"

    @property
    def given(self) -> str:
        """Given name."""
        return GIVEN[self.number % len(GIVEN)]

    @property
    def family(self) -> str:
        """Family name, told apart by a number where the names begin again."""
        return f"{FAMILY[self.number % len(FAMILY)]}{'' if self.number < len(FAMILY) else ' ' + _letters(self.number)}"

    @property
    def email(self) -> str:
        """Mail address, different for each person and run."""
        return f"person{self.number}.{self.run}@example.org"

    @property
    def phone(self) -> str:
        """Mobile number."""
        return f"+4915123{self.number:06d}"

    @property
    def at(self) -> datetime:
        """When this person appeared."""
        return EPOCH + timedelta(minutes=self.number)

    def id(self, kind: str) -> str:
        """An id as a vendor makes them: opaque, the same for the same thing."""
        return hashlib.sha256(f"{kind}{self.run}{self.number}".encode()).hexdigest()[:20]


def people(count: int, run: str | None = None) -> Iterator[Person]:
    """So many made-up people; another run, another lot of them."""
    name = secrets.token_hex(4) if run is None else run
    return (Person(number, name) for number in range(count))


def _letters(number: int) -> str:
    """A name has no digits: 10 is `Ba`."""
    word = "".join(chr(ord("a") + int(digit)) for digit in str(number))
    return word.capitalize()
