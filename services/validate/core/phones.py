"""Telephone numbers: E.164 where they can be read, by the country of the person's address or of the source."""

from services.validate.core.codes import Code, finding
from shared.domain.contact import Contact, Finding, Phone, Status
from shared.domain.phone import PhoneReading, parse_phone


def judge_phones(contact: Contact, home: str | None) -> tuple[tuple[Phone, ...], list[Finding]]:
    """Every number in E.164 with its kind and status, and what is found; one that cannot be read stays as written.

    `home` is the alpha-2 country for numbers without a calling code. Two spellings of one number stay two entries.
    """
    findings: list[Finding] = []
    judged: list[Phone] = []
    taken = {phone.value for phone in contact.phones}
    for index, phone in enumerate(contact.phones):
        reading = read_phone(phone.value, home)
        if not reading.valid:
            findings.append(finding(Code.PHONE_INVALID, f"/phones/{index}"))
        value = phone.value
        if reading.e164 is not None and reading.valid and reading.e164 not in taken:
            value = reading.e164
            taken.add(value)
        status: Status = "valid" if reading.valid else "invalid"
        judged.append(_as_judged(phone, value, phone.kind or reading.kind, status))
    return tuple(judged), findings


def read_phone(text: str, home: str | None) -> PhoneReading:
    """A number as read; with a calling code the home does not matter (German ones take the short way)."""
    return parse_phone(text, "DE" if text.startswith("+49") else home)


def _as_judged(phone: Phone, value: str, kind: str | None, status: Status) -> Phone:
    if (value, kind, status) == (phone.value, phone.kind, phone.status):
        return phone
    return Phone(value=value, kind=kind, status=status, preferred=phone.preferred)
