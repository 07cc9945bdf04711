"""Explanation: evidence in words. The parts are the model's own and add up to its sum, so it is the score."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from services.dedup.core.comparison import Evidence
from services.dedup.core.model import MILLI, Model, probability

Language = Literal["de", "en"]
Words = Mapping[str, tuple[str, str]]

FIELDS: Final[Words] = {
    "start": ("Ausgangslage", "starting point"), "given": ("Vorname", "given name"),
    "family": ("Nachname", "family name"),
    "rarity": ("Seltenheit", "rarity"), "mail": ("E-Mail", "e-mail"), "phone": ("Telefon", "phone"),
    "address": ("Anschrift", "address"), "birthday": ("Geburtstag", "birthday"), "company": ("Firma", "company"),
    "organisation": ("Firmenname", "name of the firm"), "sex": ("Geschlecht", "sex"),
    "generation": ("Junior oder senior", "junior or senior"), "vat": ("USt-IdNr.", "VAT id"),
    "owner": ("Postfach", "mailbox"), "support": ("sonst noch", "besides"), "name": ("Name", "name"),
    "full name": ("Voller Name", "full name"),
}  # fmt: skip
GRADES: Final[Words] = {
    "prior": ("zwei beliebige Datensätze", "any two records"), "exact": ("gleich", "equal"),
    "equal": ("gleich", "equal"),
    "part": ("teilweise gleich", "equal in part"), "swapped": ("vertauscht gleich", "equal, swapped"),
    "nickname": ("Kurzform", "short form"), "similar": ("fast gleich", "nearly equal"),
    "variant": ("ähnlicher anderer Name", "similar, but another name"),
    "initial": ("gleicher Anfangsbuchstabe", "same initial"),
    "initial-differs": ("anderer Anfangsbuchstabe", "other initial"),
    "guessed": ("passt laut E-Mail-Adresse", "fits by the mail address"),
    "guess-differs": ("passt nicht zur E-Mail-Adresse", "does not fit the mail address"),
    "differs": ("verschieden", "different"),
    "missing": ("fehlt", "missing"), "of the name": ("des Namens", "of the name"), "rarity": ("Seltenheit", "rarity"),
    "mistyped": ("vertippt gleich", "equal but for a slip"), "family": ("Familienpostfach", "family mailbox"),
    "role": ("Funktionspostfach", "role mailbox"), "shared": ("von vielen geteilt", "shared by many"),
    "handle": ("gleicher eigener Name vor dem @", "same handle before the @"),
    "local": ("gleicher Teil vor dem @", "same part before the @"),
    "mobile": ("gleiche Mobilnummer", "same mobile number"),
    "fixed": ("gleicher Festnetzanschluss", "same landline"), "full": ("gleich", "equal"),
    "street": ("gleiche Straße", "same street"), "postcode": ("gleiche Postleitzahl", "same postcode"),
    "neighbour": ("gleiche Straße, andere Hausnummer", "same street, other number"),
    "garbled": ("womöglich vertippt", "perhaps mistyped"),
    "city": ("gleicher Ort", "same city"), "close": ("fast gleich", "nearly equal"),
    "domain": ("gleiche E-Mail-Domain", "same mail domain"), "named": ("trägt den Namen", "bears the name"),
    "with own address": ("mit eigener E-Mail oder Nummer", "with an unshared mail or number"),
    "alone": ("sonst nichts", "nothing else"), "several": ("mehreres", "several"), "both": ("ganz", "whole"),
    "one": ("nur ein Teil", "one part only"), "address": ("Anschrift", "address"),
}  # fmt: skip
_VETOES: Final[Words] = {
    "birthday": ("anderes Geburtsdatum: zwei Personen", "other birthday: two persons"),
    "given name": ("anderer Vorname: zwei Personen", "other given name: two persons"),
    "generation": ("Junior und senior: zwei Personen", "junior and senior: two persons"),
    "organisation": ("eine Firma und eine Person", "a firm and a person"),
}  # fmt: skip
_OUTCOMES: Final[Words] = {
    "merge": ("zusammengeführt", "merged"), "review": ("zur Prüfung", "for review"), "apart": ("getrennt", "apart"),
}  # fmt: skip


def explain_pair(evidence: Evidence, model: Model, language: Language = "de") -> dict[str, Any]:
    """The evidence of one pair, for people; it holds no value of a person.

    Parts with field, grade, words and bits, their exact sum, the probability (0 to 1), the outcome (merge, review,
    apart) and what forbids joining.
    """
    result = outcome(evidence, model)
    parts: list[dict[str, Any]] = [
        {
            "field": part.field,
            "grade": part.grade,
            "bits": part.weight / MILLI,
            "millibits": part.weight,
            "text": _text(part.field, part.grade, language),
        }
        for part in evidence.parts
    ]
    return {
        "parts": parts,
        "bits": evidence.weight / MILLI,
        "millibits": evidence.weight,
        "probability": round(probability(evidence.weight), 6),
        "outcome": result,
        "text": _say(_OUTCOMES, result, language),
        "veto": None
        if evidence.veto is None
        else {"code": evidence.veto, "text": _say(_VETOES, evidence.veto, language)},
    }


def outcome(evidence: Evidence, model: Model) -> Literal["merge", "review", "apart"]:
    """What this pair alone would lead to; its contact may decide otherwise."""
    if evidence.veto is not None or evidence.weight <= model.bands.offer_millibits:
        return "apart"
    return "merge" if evidence.weight >= model.bands.merge_millibits else "review"


def why_not(evidence: Evidence, model: Model, language: Language = "de") -> str:
    """One sentence on what keeps two records apart: the veto, else the bits that are missing and what is against."""
    if evidence.veto is not None:
        return _say(_VETOES, evidence.veto, language)
    lacking = (model.bands.merge_millibits - evidence.weight) / MILLI
    against = sorted((part for part in evidence.parts[1:] if part.weight < 0), key=lambda part: part.weight)[:3]
    reasons = ", ".join(f"{_text(part.field, part.grade, language)} {part.weight / MILLI:+.1f}" for part in against)
    if lacking <= 0:
        return _say(_OUTCOMES, "merge", language)
    head = f"es fehlen {lacking:.1f} Bit" if language == "de" else f"{lacking:.1f} bits are missing"
    return f"{head}: {reasons}" if reasons else head


def short(evidence: Evidence, language: Language = "de") -> str:
    """The sum in one line: "E-Mail +20.5, Vorname +5.0, Ausgangslage -16.0 = 9.5 Bit = 99.9 %"."""
    parts = sorted(evidence.parts, key=lambda part: -part.weight)
    terms = ", ".join(f"{_say(FIELDS, part.field, language)} {part.weight / MILLI:+.1f}" for part in parts)
    unit = "Bit" if language == "de" else "bits"
    return f"{terms} = {evidence.weight / MILLI:.1f} {unit} = {100 * probability(evidence.weight):.1f} %"


def _text(field: str, grade: str, language: Language) -> str:
    fields = " × ".join(_say(FIELDS, one, language) for one in field.split(" × "))
    grades = " × ".join(_say(GRADES, one, language) for one in grade.split(" × "))
    return f"{fields} {grades}"


def _say(words: Words, code: str, language: Language) -> str:
    pair = words.get(code)
    return code if pair is None else pair[0 if language == "de" else 1]
