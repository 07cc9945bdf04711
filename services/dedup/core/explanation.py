"""Explanation: evidence in words. The parts are the model's own and add up to its sum, so it is the score."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from services.dedup.core.comparison import Evidence
from services.dedup.core.model import MILLI, Model, probability

Language = Literal["de", "en"]
Words = Mapping[str, tuple[str, str]]

FIELDS: Final[Words] = {
    "start": ("Ausgangslage", "starting point"), "given": ("Vorname", "given name"),
    "family": ("Nachname", "family name"), "rarity": ("Seltenheit", "rarity"), "mail": ("E-Mail", "e-mail"),
    "phone": ("Telefon", "phone"), "address": ("Anschrift", "address"), "birthday": ("Geburtstag", "birthday"),
    "company": ("Firma", "company"), "organisation": ("Firmenname", "name of the firm"), "sex": ("Geschlecht", "sex"),
    "generation": ("Junior oder senior", "junior or senior"), "vat": ("USt-IdNr.", "VAT id"),
    "owner": ("Postfach", "mailbox"), "links": ("Erreichbarkeit", "contact data"),
    "support": ("Was dafür spricht:", "what speaks for it:"),
    "against": ("Was dagegen spricht:", "what speaks against it:"),
    "full name": ("Voller Name", "full name"),
}  # fmt: skip
"""Every field of the model, as it is called in German and in English."""

GRADES: Final[Words] = {
    "prior": ("zweier beliebiger Datensätze", "of any two records"), "exact": ("gleich", "equal"),
    "equal": ("gleich", "equal"), "full": ("gleich", "equal"), "close": ("fast gleich", "nearly equal"),
    "part": ("teilweise gleich", "equal in part"), "swapped": ("vertauscht gleich", "equal, swapped"),
    "nickname": ("in Kurzform gleich", "equal as a short form"), "similar": ("fast gleich", "nearly equal"),
    "garbled": ("womöglich vertippt", "perhaps mistyped"),
    "variant": ("ähnlich, aber ein anderer", "similar, but another one"),
    "initial": ("mit gleichem Anfangsbuchstaben", "with the same initial"),
    "initial-differs": ("mit anderem Anfangsbuchstaben", "with another initial"),
    "guessed": ("passend zur E-Mail-Adresse", "fitting the mail address"),
    "guess-differs": ("nicht passend zur E-Mail-Adresse", "not fitting the mail address"),
    "differs": ("verschieden", "different"), "missing": ("fehlt", "missing"),
    "of the name": ("des Namens", "of the name"), "rarity": ("in ihrer Seltenheit", "by its rarity"),
    "mistyped": ("bis auf einen Tippfehler gleich", "equal but for a slip"),
    "family": ("der ganzen Familie gleich", "of the whole family equal"),
    "role": ("einer Funktion gleich", "of a role equal"),
    "shared": ("gleich, aber von vielen geteilt", "equal, but shared by many"),
    "handle": ("mit gleichem eigenem Namen vor dem @", "with the same handle before the @"),
    "local": ("mit gleichem Teil vor dem @", "with the same part before the @"),
    "mobile": ("mobil gleich", "mobile equal"), "fixed": ("gleich, vielleicht geteilt", "equal, perhaps shared"),
    "street": ("in der gleichen Straße", "in the same street"),
    "postcode": ("mit gleicher Postleitzahl", "with the same postcode"),
    "neighbour": ("in der gleichen Straße, andere Hausnummer", "in the same street, other number"),
    "city": ("am gleichen Ort", "in the same city"),
    "near": ("in zwei von drei Teilen gleich oder um Wochen verschieden", "equal in two of three parts or weeks apart"),
    "year": ("nur im Jahr ähnlich", "alike in the year only"),
    "domain": ("mit gleicher E-Mail-Domain", "with the same mail domain"),
    "named": ("trägt den Namen", "bears the name"),
    "with own address": ("mit eigener E-Mail oder Nummer", "with an unshared mail or number"),
    "alone": ("nur der Name", "the name alone"),
    "none": ("nichts", "nothing"), "one": ("eine Angabe", "one field"), "two": ("zwei Angaben", "two fields"),
    "three": ("drei Angaben", "three fields"), "many": ("viele Angaben", "many fields"),
    "unlinked": ("nichts gemeinsam", "nothing in common"),
    "weak": ("gemeinsam, aber geteilt", "in common, but shared"), "linked": ("gemeinsam", "in common"),
}  # fmt: skip
"""Every grade of the model in German and in English, to be read after its field."""

_VETOES: Final[Words] = {
    "birthday": ("anderes Geburtsdatum: zwei Personen", "other birthday: two persons"),
    "given name": ("anderer Vorname: zwei Personen", "other given name: two persons"),
    "generation": ("Junior und senior: zwei Personen", "junior and senior: two persons"),
    "organisation": ("eine Firma und eine Person", "a firm and a person"),
    "unique id": ("andere Nummer bei der gleichen Quelle: zwei Personen", "another id at the same source: two persons"),
    "personal id": (
        "andere Nummer, die jeder nur einmal hat: zwei Personen", "another id that everybody has once: two persons",
    ),
}  # fmt: skip
_DOUBTED: Final[Words] = {
    "birthday": (
        "anderes Geburtsdatum, obwohl sonst so viel gleich ist: zwei Personen oder ein Schreibfehler, bitte prüfen",
        "other birthday though so much else agrees: two persons or a slip, please check",
    ),
    "given name": (
        "anderer Vorname, obwohl sonst so viel gleich ist: zwei Personen oder ein anderer Rufname, bitte prüfen",
        "other given name though so much else agrees: two persons or another name of one, please check",
    ),
    "unique id": (
        "andere Nummer bei gleicher Quelle, obwohl sonst so viel gleich ist: zwei oder doppelt geführt, bitte prüfen",
        "another id at the same source though so much else agrees: two persons or listed twice there, please check",
    ),
}  # fmt: skip
"""What forbids merging alone, but not that somebody is asked."""
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
        else {"code": evidence.veto, "text": _forbidding(evidence, evidence.veto, model, language)},
    }


def outcome(evidence: Evidence, model: Model) -> Literal["merge", "review", "apart"]:
    """What this pair alone would lead to; its contact may decide otherwise."""
    if evidence.veto is not None:
        return "review" if evidence.is_doubted(model.bands) else "apart"
    if evidence.weight <= model.bands.offer_millibits:
        return "apart"
    return "merge" if evidence.weight >= model.bands.merge_millibits else "review"


def why_not(evidence: Evidence, model: Model, language: Language = "de") -> str:
    """One sentence on what keeps two records apart: the veto, else the bits that are missing and what is against."""
    if evidence.veto is not None:
        return _forbidding(evidence, evidence.veto, model, language)
    lacking = model.bands.merge_millibits - evidence.weight
    if lacking <= 0:
        return _say(_OUTCOMES, "merge", language)
    against = sorted((part for part in evidence.parts[1:] if part.weight < 0), key=lambda part: part.weight)[:3]
    reasons = ", ".join(f"{_text(part.field, part.grade, language)} {_signed(part.weight)}" for part in against)
    head = f"es fehlen {_bits(lacking)} Bit" if language == "de" else f"{_bits(lacking)} bits are missing"
    return f"{head}: {reasons}" if reasons else head


def _forbidding(evidence: Evidence, veto: str, model: Model, language: Language) -> str:
    """A veto in words: certain where it keeps two records apart, a question where a person is asked."""
    return _say(_DOUBTED if evidence.is_doubted(model.bands) else _VETOES, veto, language)


def short(evidence: Evidence, language: Language = "de") -> str:
    """The sum in one line, to the last digit: "E-Mail +20.5, Vorname +5, Ausgangslage -16 = 9.5 Bit = 99.9 %"."""
    parts = sorted(evidence.parts, key=lambda part: -part.weight)
    terms = ", ".join(f"{_fields(part.field, language)} {_signed(part.weight)}" for part in parts)
    unit = "Bit" if language == "de" else "bits"
    return f"{terms} = {_bits(evidence.weight)} {unit} = {100 * probability(evidence.weight):.1f} %"


def _bits(millibits: int) -> str:
    """Thousandths of a bit as bits, all digits that are not zero: 1500 is "1.5"."""
    whole, thousandths = divmod(abs(millibits), MILLI)
    digits = f".{thousandths:03}".rstrip("0").rstrip(".")
    return f"{'-' if millibits < 0 else ''}{whole}{digits}"


def _signed(millibits: int) -> str:
    return _bits(millibits) if millibits < 0 else f"+{_bits(millibits)}"


def _fields(field: str, language: Language) -> str:
    return " × ".join(_say(FIELDS, one, language).rstrip(":") for one in field.split(" × "))


def _text(field: str, grade: str, language: Language) -> str:
    """A part in words; of two fields together, both: "Vorname gleich × Nachname verschieden"."""
    pairs = zip(field.split(" × "), grade.split(" × "), strict=True)
    return " × ".join(f"{_say(FIELDS, one, language)} {_say(GRADES, how, language)}" for one, how in pairs)


def _say(words: Words, code: str, language: Language) -> str:
    pair = words.get(code)
    return code if pair is None else pair[0 if language == "de" else 1]
