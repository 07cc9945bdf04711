"""What validate and enrich cost: `python -m tests.bench.quality` prints microseconds of CPU a contact, best of forty.

The contacts are made of the golden tables: one in five has a faulty mail address, every second has a postal address.
*Warm* is the same contact again, as by a refresh; *cold* has mail addresses and numbers that were never seen before.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from services.enrich.core.decide import decide as enrich
from services.enrich.core.decide import plan
from services.validate.core.decide import decide as validate
from shared.domain.contact import Address, Company, Contact, Email, Name, Origin, Phone
from tests.unit.validate.contacts import NOW, STANDARDS, TODAY, cases, contact

CONTACTS = 200
"""One batch: more would measure the garbage collector over contacts that no stage holds."""

ROUNDS = 40

ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(Contact)


def main() -> None:
    """Measure and print the table."""
    warm = town("")
    judged = [validate(one, STANDARDS, TODAY) for one in warm]
    values = [ENCODER.encode(one) for one in judged]
    fresh = (town(str(number)) for number in itertools.count())
    table = {
        "decode": best(lambda: [DECODER.decode(value) for value in values]),
        "validate, warm": best(lambda: [validate(one, STANDARDS, TODAY) for one in warm]),
        "validate, cold": min(once(next(fresh)) for _ in range(ROUNDS // 4)),
        "enrich": best(lambda: [enrich(plan(one)) for one in judged]),
        "encode": best(lambda: [ENCODER.encode(one) for one in judged]),
    }
    print(f"{'step':<16} {'µs a contact':>12}")
    for step, cost_us in table.items():
        print(f"{step:<16} {cost_us:>12.1f}")


def town(suffix: str) -> list[Contact]:
    """A batch of contacts; another suffix makes all their names, addresses and numbers others."""
    good = [case for case in cases("emails") if case["status"] == "valid"]
    bad = [case for case in cases("emails") if case["status"] != "valid"]
    return [resident(index, (bad if index % 5 == 0 else good)[index % 25], suffix) for index in range(CONTACTS)]


def resident(index: int, mail: dict[str, Any], suffix: str) -> Contact:
    """One contact as dedup says it."""
    seen = Origin(source="webform", record_id="r", observed_at=NOW)
    address = Address(street="Hauptstr.", house_number="5a", postcode="10115", city="Berlin", country="DE")
    number = f"0171{(7_919 * index + 104_729 * int(suffix or 0)) % 9_000_000 + 1_000_000}"
    return contact(
        name=Name(given="Jörg", family=f"Müller {chr(97 + index % 26) * 3}"),
        emails=(Email(value=f"{suffix}{mail['email']}" if suffix else mail["email"], preferred=True),),
        phones=(Phone(value=number),),
        addresses=(address,) if index % 2 else (),
        company=Company(name="Beispiel GmbH" if index % 3 else None),
        birthday="1980-02-29",
        provenance=dict.fromkeys(("/emails/0", "/phones/0", "/addresses/0", "/name/given", "/name/family"), seen),
    )


def best(work: Callable[[], object]) -> float:
    """The least CPU time of a contact, in microseconds."""
    return min(cpu_us(work) for _ in range(ROUNDS))


def once(contacts: Sequence[Contact]) -> float:
    """The CPU time of a contact never seen before, in microseconds."""
    return cpu_us(lambda: [validate(one, STANDARDS, TODAY) for one in contacts])


def cpu_us(work: Callable[[], object]) -> float:
    """CPU time of one round, a contact, in microseconds."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / CONTACTS * 1e6


if __name__ == "__main__":
    main()
