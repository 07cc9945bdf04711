"""Confirming: whom a mail asks for a consent that a form with double opt-in asked for, and when. Pure."""

import hashlib

from services.rules.core.dates import Around, Dated, Window
from shared.domain.contact import ConsentState, Contact
from shared.domain.mail import parse_email
from shared.domain.opt_in import VALID_FOR
from shared.domain.text import fold


def asked(purpose: str) -> Dated:
    """The occasions of a mail that asks for a consent by double opt-in: one for each record that asked."""

    def windows(around: Around) -> list[Window]:
        return [
            Window(state.asked.record_id, state.asked.at, fires_until=state.asked.at + VALID_FOR)
            for state in asked_for(around.contact, purpose)
            if state.asked is not None
        ]

    return Dated(windows)


def askable(contact: Contact, purpose: str, record_id: str) -> ConsentState | None:
    """The pending consent that this record asked for, where its address may be asked: it is not known to be dead."""
    dead = {parse_email(one.value).canonical for one in contact.emails if one.status in ("invalid", "bounced")}
    return next(
        (
            state
            for state in asked_for(contact, purpose)
            if state.asked is not None
            and state.asked.record_id == record_id
            and parse_email(state.address or "").canonical not in {None, *dead}
        ),
        None,
    )


def mailbox_of(state: ConsentState) -> bytes:
    """What stands for the inbox that would be asked, whichever contact names it; 16 bytes, and no address."""
    canonical = parse_email(state.address or "").canonical or ""
    return hashlib.blake2b(canonical.encode(), digest_size=16).digest()


def asked_for(contact: Contact, purpose: str) -> list[ConsentState]:
    """The consents for a purpose that forms with double opt-in asked for, and that nobody has answered yet."""
    return [one for one in contact.consents if one.asked is not None and fold(one.purpose) == fold(purpose)]
