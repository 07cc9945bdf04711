"""Searching: the keys under which a contact is found by mail, number, record or words.

A key is the first eight bytes of a hash, so an index of them holds no address; who finds by a key still compares.
"""

from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Final, Literal

from shared.domain.contact import Contact
from shared.domain.phone import parse_phone
from shared.domain.text import flat, words_of

WORDS_MAX: Final = 12
"""Words of one contact or one question; names and companies have fewer."""

WORDS_KEPT: Final = 16_384
"""Keys of words kept: the names of a large population, about 3 MB."""

Kind = Literal["email", "phone", "record", "word"]


_SEARCHED: Final = attrgetter("emails", "phones", "records", "name", "company")


def found_alike(one: Contact, other: Contact) -> bool:
    """True when two states of a contact are certainly found by the same keys, which is cheaper to say than the keys."""
    return bool(_SEARCHED(one) == _SEARCHED(other))


def search_keys(contact: Contact) -> frozenset[int]:
    """All keys of a contact, as signed 64-bit numbers."""
    keys = {key("email", email.value.lower()) for email in contact.emails}
    keys |= {key("phone", phone.value) for phone in contact.phones}
    keys |= {key("record", member.record_id) for member in contact.records}
    keys |= {
        key("record", source_record(member.source, member.source_record_id))
        for member in contact.records
        if member.source_record_id is not None
    }
    keys |= {word_key(word) for word in words(contact)}
    return frozenset(keys)


def words(contact: Contact) -> tuple[str, ...]:
    """The words a contact is found by: its names and its company's, folded so that Müller is Mueller is Muller."""
    texts = (contact.name.full, contact.name.given, contact.name.family, contact.company.name)
    return words_in(" ".join(text for text in texts if text))


def words_in(text: str) -> tuple[str, ...]:
    """The folded words of a text, each once, at most WORDS_MAX."""
    return tuple(dict.fromkeys(flat(word) for word in words_of(text)))[:WORDS_MAX]


def source_record(source: str, source_record_id: str) -> str:
    """One text for a source's own id; the separator stands in no name of a source."""
    return f"{source}\x1f{source_record_id}"


def readable_phone(text: str, country: str | None) -> str:
    """The number as contacts hold it: E.164 where it can be read as one, else as written."""
    return parse_phone(text, country).e164 or text.strip()


@lru_cache(WORDS_KEPT)
def word_key(word: str) -> int:
    """The key of a word: names repeat."""
    return key("word", word)


def key(kind: Kind, text: str) -> int:
    """The key of one thing one can search by."""
    digest = blake2b(f"{kind}\x1f{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
