"""The page behind the link of a double opt-in, in German or English. Pure; every text is escaped.

A link that confirms when it is opened would be confirmed by the mail scanner that opens all links, so the page has a
button.
"""

from enum import StrEnum
from html import escape
from typing import Final, NamedTuple

LANGUAGES: Final = ("de", "en")
"""In this order of preference where the visitor and the form speak neither."""


class View(StrEnum):
    """What a visitor is shown."""

    ASK = "ask"
    DONE = "done"
    EXPIRED = "expired"
    FORGED = "forged"
    LATER = "later"


class _Words(NamedTuple):
    title: str
    text: str
    after: str = ""


_WORDS: Final = {
    "de": {
        View.ASK: _Words(
            "Bitte bestätigen Sie",
            "Auf unserer Seite wurde mit Ihrer Mailadresse zugestimmt:",
            "Waren Sie das nicht? Dann tun Sie einfach nichts: Ohne Bestätigung schreiben wir Ihnen nicht.",
        ),
        View.DONE: _Words("Danke, das ist bestätigt", "Sie können diese Seite schließen."),
        View.EXPIRED: _Words(
            "Dieser Link ist abgelaufen", "Füllen Sie das Formular noch einmal aus, dann bekommen Sie einen neuen."
        ),
        View.FORGED: _Words(
            "Dieser Link ist nicht gültig", "Vielleicht fehlt ein Stück: Öffnen Sie ihn so, wie er in der Mail steht."
        ),
        View.LATER: _Words("Das ging gerade nicht", "Bitte versuchen Sie es in ein paar Minuten noch einmal."),
    },
    "en": {
        View.ASK: _Words(
            "Please confirm",
            "On our page somebody agreed with your mail address:",
            "It was not you? Then simply do nothing: without a confirmation we do not write to you.",
        ),
        View.DONE: _Words("Thank you, this is confirmed", "You may close this page."),
        View.EXPIRED: _Words("This link has expired", "Fill in the form once more, and you get a new one."),
        View.FORGED: _Words(
            "This link is not valid", "Perhaps a piece of it is missing: open it as it stands in the mail."
        ),
        View.LATER: _Words("This did not work just now", "Please try again in a few minutes."),
    },
}
_BUTTON: Final = {"de": "Ja, bestätigen", "en": "Yes, confirm"}

_STYLE: Final = (
    "body{font:1.1rem/1.6 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.2rem;color:#1c2733}"
    "h1{font-size:1.6rem}blockquote{margin:1.2rem 0;padding:.2rem 1rem;border-left:.25rem solid #2c6e91}"
    "button{font:inherit;padding:.7rem 1.6rem;border:0;border-radius:.4rem;background:#2c6e91;color:#fff}"
    "small{color:#5b6874}@media(prefers-color-scheme:dark){body{background:#15191e;color:#e6e9ec}small{color:#9aa6b1}}"
)

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""Nobody keeps the page, frames it, or learns its address from a link."""


def language_of(accepted: str, configured: str | None) -> str:
    """The language of the page: the first that the browser names (`Accept-Language`) and we speak, else the form's."""
    spoken = [one.partition(";")[0].strip().lower().partition("-")[0] for one in accepted.split(",")]
    return next(one for one in (*spoken, (configured or "").lower(), *LANGUAGES) if one in LANGUAGES)


def page(view: View, language: str, agreed: str) -> str:
    """The page. `agreed` is what is to be confirmed; it is shown where the visitor is asked."""
    words = _WORDS[language][view]
    shown = [f"<h1>{escape(words.title)}</h1>", f"<p>{escape(words.text)}</p>"]
    if view is View.ASK:
        shown += [
            f"<blockquote><p>{escape(agreed)}</p></blockquote>",
            f'<form method="post"><button>{_BUTTON[language]}</button></form>',
            f"<p><small>{escape(words.after)}</small></p>",
        ]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(words.title)}</title><style>{_STYLE}</style></head><body>{''.join(shown)}</body></html>"
    )
