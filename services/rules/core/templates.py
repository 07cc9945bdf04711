"""Templates: plain text with places for values of the contact, checked when loaded: an unknown place is refused.

    Subject: Alles Gute, {{ contact.name.given | und Glückwunsch }}!

    {{ greeting }},
    …

A template has a text for each language (birthday.de.txt, birthday.en.txt); the contact's language chooses. Behind the
bar stands what is written where the contact has no such value.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from services.rules.core.schema import element_of, meant, plain_type
from shared.domain.contact import Contact

LANGUAGES: Final = ("de", "en")
"""In this order of preference where a contact has neither."""

LENGTH_MAX: Final = 20_000
"""Characters: what is longer is no notification but a leaflet."""

CONFIRM_LINK: Final = "confirm_link"
"""The place of the link that confirms a double opt-in; a template for such mails names it, and no other may."""

UNTOLD: Final = (CONFIRM_LINK, "rule", "occasion", "contact_id")
"""What a mail with that link may name: nothing that a stranger may have typed into the form, or forms would send his
words to anybody's inbox.
"""

PLACES: Final = ("greeting", "rule", "occasion", "contact_id", CONFIRM_LINK)
"""What a text may name besides `contact.…`."""

_PLACE: Final = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|\s*([^{}]*?)\s*)?\}\}")
_FIRST: Final = "subject:"
_GREETINGS: Final = {"de": ("Guten Tag {}", "Guten Tag"), "en": ("Hello {}", "Hello")}


class Letter(NamedTuple):
    """A text ready to be sent. Its repr shows nothing: it is about a person."""

    subject: str
    body: str

    def __repr__(self) -> str:
        return "Letter(…)"


class Said(NamedTuple):
    """What a text may name besides the contact."""

    rule: str
    occasion: str
    confirm_link: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One template in its languages."""

    name: str
    texts: Mapping[str, str]

    @property
    def confirms(self) -> bool:
        """True when every text of it has the link that confirms. Raises ValueError when only some have."""
        having = [any(place[1] == CONFIRM_LINK for place in _PLACE.finditer(text)) for text in self.texts.values()]
        if any(having) and not all(having):
            raise ValueError(f"names {{{{ {CONFIRM_LINK} }}}} in some languages only")
        return all(having)

    def letter(self, contact: Contact, said: Said) -> Letter:
        """The text for this contact, in its language where there is one."""
        spoken = (contact.language or "").lower().replace("_", "-").partition("-")[0]
        language = next(one for one in (spoken, *LANGUAGES, *self.texts) if one in self.texts)
        text = self.texts[language]

        def value(place: re.Match[str]) -> str:
            return _value(place[1], contact, said, language) or place[2] or ""

        filled = _PLACE.sub(value, text)
        subject, _, body = filled.partition("\n")
        return Letter(" ".join(subject[len(_FIRST) :].split()), body.strip("\n") + "\n")


def templates(texts: Mapping[str, str]) -> dict[str, Template]:
    """The templates by name. Raises ValueError with one line for each fault."""
    wrong: list[str] = []
    found: dict[str, dict[str, str]] = {}
    for file, text in texts.items():
        name, _, language = file.rpartition(".")
        place = f"templates/{file}.txt"
        if not name or language not in LANGUAGES:
            wrong.append(f"{place}: is named NAME.LANGUAGE.txt, in one of {', '.join(LANGUAGES)}")
            continue
        unix = text.replace("\r\n", "\n")
        wrong += [f"{place}: {fault}" for fault in _faults(unix)]
        found.setdefault(name, {})[language] = unix
    if wrong:
        raise ValueError("\n".join(wrong))
    return {name: Template(name, in_languages) for name, in_languages in found.items()}


def _faults(text: str) -> list[str]:
    found: list[str] = []
    if len(text) > LENGTH_MAX:
        found.append(f"has {len(text):,} characters, more than {LENGTH_MAX:,}")
    if not text.partition("\n")[0].lower().startswith(_FIRST):
        found.append("begins with a line `Subject: …`")
    places = [place[1] for place in _PLACE.finditer(text)]
    found += [fault for place in places if (fault := _fault(place)) is not None]
    if CONFIRM_LINK in places and (told := [place for place in places if place not in UNTOLD]):
        found.append(
            f"{{{{ {told[0]} }}}} beside {{{{ {CONFIRM_LINK} }}}}: who fills a form would write to whom it names"
        )
    if "{{" in _PLACE.sub("", text) or "}}" in _PLACE.sub("", text):
        found.append("has a brace without its other half; a place is written {{ contact.name.given }}")
    return found


def _fault(path: str) -> str | None:
    """What is wrong with a place, None for one that can be filled."""
    first, *steps = path.split(".")
    if first != "contact":
        offered = [*PLACES, "contact.name.full"]
        return None if not steps and first in PLACES else f"unknown place {{{{ {path} }}}}{meant(path, offered)}"
    type_: Any = msgspec.inspect.type_info(Contact)
    for step in steps:
        match plain_type(type_):
            case msgspec.inspect.StructType(fields=fields):
                known = {field.encode_name: field.type for field in fields}
                if step not in known:
                    return f"unknown place {{{{ {path} }}}}{meant(step, list(known))}"
                type_ = known[step]
            case msgspec.inspect.DictType(value_type=value_type):
                type_ = value_type
            case msgspec.inspect.VarTupleType() if step.isdigit():
                type_ = element_of(type_)
            case msgspec.inspect.AnyType():
                return None
            case _:
                return f"{{{{ {path} }}}} goes below a single value, or into a list without a number"
    whole = isinstance(
        plain_type(type_), msgspec.inspect.StructType | msgspec.inspect.DictType | msgspec.inspect.VarTupleType
    )
    return f"{{{{ {path} }}}} is no single value" if whole else None


def _value(path: str, contact: Contact, said: Said, language: str) -> str:
    """The value at a place, empty where there is none."""
    match path:
        case "greeting":
            named, nameless = _GREETINGS[language]
            return named.format(contact.name.full) if contact.name.full else nameless
        case "rule":
            return said.rule
        case "occasion":
            return said.occasion
        case "contact_id":
            return contact.contact_id
        case "confirm_link":
            return said.confirm_link
        case _:
            return _shown(_at(msgspec.to_builtins(contact), path.split(".")[1:]))


def _at(value: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list | tuple) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else ""
