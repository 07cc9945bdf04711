"""Columns: which field of a record each column of a file becomes. Pure.

A target is a field (`city`), an item of a list with its kind (`phones:mobile`), a piece put together with others
(`street+2`), a key of the attributes (`attributes.hobby`), or None: not sent.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.domain.record import LIST_FIELDS, TEXT_FIELDS

NEVER_SENT: Final = frozenset({"cluster_id"})
"""The known truth of a labelled set: who sends it along measures nothing."""

FIELDS: Final = frozenset(
    (*TEXT_FIELDS, *LIST_FIELDS, "source_record_id", "observed_at", "consents", "attributes", "import_id")
)

_NAMES: Final = """
source_record_id  record_id id nummer nr kundennummer kundennr kunden_nr customer_id customer_number contact_id
                  subscriber subscriber_id teilnehmernummer teilnehmer_nr uid external_id mitgliedsnummer
observed_at       updated_at geaendert_am letzte_aenderung last_modified modified_at stand timestamp zeitstempel
salutation        anrede
name_prefix       titel akademischer_titel prefix
given_name        vorname first_name firstname given forename
family_name       nachname last_name lastname surname familienname zuname name_familie
name_suffix       namenszusatz suffix
full_name         name vollstaendiger_name fullname kontakt ansprechpartner contact_name
gender            geschlecht sex
email             e_mail mail e_mail_adresse email_adresse mailadresse email_address e_mail_address
phone             telefon tel telefonnummer phone_number telephone rufnummer festnetz telefon_privat
phones:mobile     mobil mobile handy mobiltelefon mobilnummer cell cell_phone cellphone mobile_phone
phones:work       telefon_geschaeftlich telefon_dienstlich telefon_firma work_phone business_phone phone_work
phones:fax        fax telefax
emails:work       email_geschaeftlich e_mail_geschaeftlich e_mail_dienstlich work_email email_work business_email
emails:other      email_2 e_mail_2 email2 weitere_e_mail second_email
phones:other      telefon_2 phone_2 phone2 tel_2
street            strasse adresse anschrift strasse_und_hausnummer strasse_hausnummer address street_address
                  address_line_1 address1
street+2          hausnummer hausnr haus_nr house_number
address_extra     adresszusatz zusatz address_line_2 address2
postcode          plz postleitzahl zip zip_code zipcode postal_code post_code
city              ort stadt wohnort town
region            bundesland state province kanton
country           land staat country_code laendercode
birthday          dob geburtsdatum geburtstag geb birth_date birthdate date_of_birth
company           firma unternehmen organisation organization company_name firmenname arbeitgeber
department        abteilung
job_title         position funktion beruf title job role
vat_id            ust_id ustid ust_idnr umsatzsteuer_id vat vat_number
website           webseite homepage url internet
language          sprache locale
timezone          zeitzone
owner             betreuer kundenbetreuer zustaendig account_manager
"""


def _synonyms(text: str) -> dict[str, str]:
    """Each common name of a column with its target."""
    found: dict[str, str] = {}
    target = ""
    for line in text.splitlines():
        words = line.split()
        if words and not line.startswith(" "):
            target, *words = words
        found |= dict.fromkeys(words, target)
    return found


SYNONYMS: Final = _synonyms(_NAMES)
"""Common German and English names of columns, folded as `folded` does it."""


_UMLAUTS: Final = str.maketrans(dict[str, str | int | None](ä="ae", ö="oe", ü="ue", ß="ss"))


def folded(column: str) -> str:
    """A column's name without case, umlauts and punctuation: `E-Mail-Adresse` and `e_mail adresse` are one."""
    plain = column.strip().lower().translate(_UMLAUTS)
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def target_of(column: str) -> str | None:
    """What a column becomes when nobody says otherwise; unknown ones become attributes, nothing is thrown away."""
    name = folded(column)
    if name in NEVER_SENT:
        return None
    if column in FIELDS or name in FIELDS:
        return name if name in FIELDS else column
    if name in SYNONYMS:
        return SYNONYMS[name]
    return f"attributes.{column.strip().removeprefix('attributes.')}"


def mapping_of(columns: Iterable[str], said: Mapping[str, str | None]) -> dict[str, str | None]:
    """The target of every column; what `said` names goes first. Raises ValueError for a target that is none."""
    columns = list(columns)
    for column, target in said.items():
        if column not in columns:
            raise ValueError(f"the map names column {column!r}, which the file does not have")
        if target is not None and not is_target(target):
            raise ValueError(f"the map sends column {column!r} to {target!r}, which is no field of a record")
    return {column: said[column] if column in said else target_of(column) for column in columns}


def is_target(target: str) -> bool:
    """True for what a column can become."""
    field, _, rest = target.partition(":")
    return (
        target in FIELDS
        or (field in ("emails", "phones") and bool(rest))
        or target == "street+2"
        or (target.startswith("attributes.") and len(target) > len("attributes."))
    )


def record_of(values: Mapping[str, Any], mapping: Mapping[str, str | None], source: str) -> dict[str, Any]:
    """One row as a record. The second column of one field is added, never lost.

    An empty cell of a field is sent as `""`: whether that clears is said per source (`empty: clear`), not here.
    """
    record: dict[str, Any] = {"source": source}
    number = ""
    for column, value in values.items():
        target = mapping.get(column) if column in mapping else target_of(column)
        said = value.strip() if isinstance(value, str) else value
        if target is None or column == "source":
            continue
        if said == "":
            if target in TEXT_FIELDS:
                record.setdefault(target, "")
            continue
        if target == "street+2":
            number = str(said)
        else:
            _put(record, target, said)
    if number:
        record["street"] = f"{record.get('street', '')} {number}".strip()
    return record


def _put(record: dict[str, Any], target: str, said: Any) -> None:
    field, _, kind = target.partition(":")
    if kind:
        record.setdefault(field, []).append({"value": said, "kind": kind})
    elif target.startswith("attributes."):
        record.setdefault("attributes", {})[target.removeprefix("attributes.")] = said
    elif target == "attributes" and isinstance(said, dict):
        record["attributes"] = record.get("attributes", {}) | said
    elif not record.get(target):
        record[target] = said
    elif target in ("email", "phone"):
        record.setdefault(f"{target}s", []).append({"value": said})
    else:
        record.setdefault("attributes", {}).setdefault(f"{target}_2", said)
