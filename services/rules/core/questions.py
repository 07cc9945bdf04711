"""Questions: what somebody searches by, as keys to look up and what a contact found by them must really have."""

from typing import Annotated, Any, Final, NamedTuple

import msgspec

from services.rules.core.searching import key, readable_phone, source_record, word_key, words_in

FOUND_MAX: Final = 500
"""Contacts of one answer: about two megabytes."""

FOUND_USUAL: Final = 100
"""An answer a person still scrolls through."""


class RecordRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record by its source's own id."""

    source: str
    source_record_id: str


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may not stand in a URL: exactly one of email, phone, record (our id, or the source's) and text."""

    email: str | None = None
    phone: str | None = None
    record: str | RecordRef | None = None
    text: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=FOUND_MAX)] = FOUND_USUAL
    cursor: str | None = None

    def __repr__(self) -> str:
        return "Search(…)"


class Asked(NamedTuple):
    """Keys that a contact must all have; and, since keys are hashes, an address it must really have."""

    keys: list[int]
    kind: str | None = None
    text: str = ""

    def is_met(self, contact: dict[str, Any]) -> bool:
        """True when a contact, as JSON, has what was asked for."""
        return self.kind is None or any(one["value"].lower() == self.text.lower() for one in contact[self.kind])


def asked(search: Search, country: str | None) -> Asked | None:
    """The question, None unless there is exactly one; a number without calling code is read in `country`."""
    match search.email, search.phone, search.record, search.text:
        case str(email), None, None, None:
            address = email.strip().lower()
            return Asked([key("email", address)], "emails", address)
        case None, str(phone), None, None:
            number = readable_phone(phone, country)
            return Asked([key("phone", number)], "phones", number)
        case None, None, RecordRef() as record, None:
            return Asked([key("record", source_record(record.source, record.source_record_id))])
        case None, None, str(record_id), None:
            return Asked([key("record", record_id.lower())])
        case None, None, None, str(text):
            return Asked([word_key(word) for word in words_in(text)])
        case _:
            return None
