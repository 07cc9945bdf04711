"""Stored records are compared with new ones, so both must be read alike: another reading is another version."""

from hashlib import blake2b
from typing import Final

import msgspec

from services.dedup.core.blocking import blocking_keys
from shared.domain.normalise import FORMS
from tests.unit.dedup.made import traits

PEOPLE: Final[tuple[dict[str, str], ...]] = (
    {
        "given_name": "Dr. Jörg", "family_name": "von Müller-Lüdenscheidt jun.", "email": "Joerg.Mueller+x@gmail.com",
        "phone": "0171 1234567", "street": "Hauptstr. 5 a", "postcode": "D-1067", "city": "Frankfurt a. M.",
        "birthday": "3.4.1980", "company": "Beispiel Ges.m.b.H.", "salutation": "Herr", "country": "Deutschland",
    },
    {"full_name": "Anna Roth geb. Kunz", "birthday": "1980-11-25", "city": "Sankt Gallen"},
    {"given_name": "Юрий", "family_name": "Гагарин"},
    {"given_name": "Γιώργος", "family_name": "Παπαδόπουλος"},
    {"given_name": "Sean", "family_name": "O'Neil", "phone": "+353 1 5550100"},
    {"family_name": "L. Sparks", "email": "info@stange.example", "vat_id": "DE 136695976"},
    {"company": "Stange Sp. z o.o.", "street": "12 Main Street", "postcode": "SW1A 1AA", "country": "GB"},
)  # fmt: skip

DIGESTS: Final = {2: "7ab459d50c2022c5"}
"""What the people above come to, by version of forms. Ids that a source declares joined the form at its end: what was
stored without them is read as it was written."""


def test_whoever_reads_words_otherwise_raises_the_version_of_forms() -> None:
    """Red after a change of forms or keys? Raise FORMS and note the new digest under it: stored records are then read
    anew after the upgrade, and the weights are to be learned again (docs/matching.md).
    """
    read = [traits(f"r{number}", **said) for number, said in enumerate(PEOPLE)]
    forms = msgspec.msgpack.encode([(one, blocking_keys(one)) for one in read])
    assert blake2b(forms, digest_size=8).hexdigest() == DIGESTS[FORMS]
