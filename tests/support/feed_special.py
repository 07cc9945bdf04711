"""The deliveries of the bundled feeds that are hard on purpose: households, namesakes, companies, rubbish."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

Row = dict[str, Any]


def _form(**said: Any) -> Row:
    return {"observed_at": "2026-09-12T09:15:00+02:00", **said}


def _mail(email: str, first: str, last: str, **more: str) -> Row:
    return {
        "email": email,
        "first name": first,
        "last name": last,
        "language": "de",
        "company": "",
        "phone": "",
        **more,
    }


def _seat(given: str, family: str, **more: str) -> Row:
    empty = dict.fromkeys(
        ("Anrede", "Titel", "Vorname", "Nachname", "Straße", "PLZ", "Ort", "Land", "Telefon", "Mobil", "E-Mail",
         "Geburtsdatum", "Firma"), "",
    )  # fmt: skip
    return {**empty, "Vorname": given, "Nachname": family, **more}


def _address(street: str, postcode: str, city: str) -> Row:
    return {"street": street, "postcode": postcode, "city": city, "country": "DE"}


def _household(number: int, family: str, *given: str) -> Iterator[tuple[str, str, Row]]:
    """A couple or family: one mailbox, one landline, one address, and each of them a person of their own."""
    shared = {"email": f"familie.{family.lower()}@example.de", "phone": f"030 23125{900 + number}"}
    place = _address(f"Eichenweg {number}", "14193", "Berlin")
    for index, name in enumerate(given):
        key = f"h{number}-{name}"
        if index % 2:
            more = {"Telefon": shared["phone"], "E-Mail": shared["email"], "Straße": place["street"]}
            yield key, "registration", _seat(name, family, PLZ=place["postcode"], Ort=place["city"], **more)
        else:
            yield key, "webform", _form(given_name=name, family_name=family, **shared, **place)


def _special() -> Iterator[tuple[str, str, Row]]:
    """Feed, who it really is, and what is said; in the order in which it is sent."""
    yield "webform", "hero", _form(
        salutation="Herr", name_prefix="Dr.", given_name="Jörg", family_name="Müller-Lüdenscheidt",
        email="joerg@exmaple.de", phone="0176/04069 991", birthday="1980-02-29",
        **_address("Hauptstr. 5a", "10115", "Berlin"),
    )  # fmt: skip
    yield "newsletter", "hero", _mail("joerg@example.de", "Joerg", "Mueller-Luedenscheidt", phone="+49 176 04069991")
    yield "registration", "hero", _seat(
        "JÖRG", "MÜLLER-LÜDENSCHEIDT", Anrede="Herr", Mobil="+49 176 04069991", Geburtsdatum="29.02.1980",
        Straße="Hauptstraße 5 a", PLZ="10115", Ort="Berlin",
    )  # fmt: skip
    yield "registration", "namesake", _seat(
        "Jörg", "Müller-Lüdenscheidt", Anrede="Herr", Mobil="0171 3920017", Geburtsdatum="11.07.1961",
        Straße="Holtenauer Straße 12", PLZ="24103", Ort="Kiel",
    )  # fmt: skip
    households = (
        ("Abendroth", "Katja", "Bernd"), ("Bockholt", "Ines", "Falk"), ("Czerny", "Olga", "Pavel", "Mila"),
        ("Dornbusch", "Vera", "Knut"), ("Eichstädt", "Nora", "Till", "Ole", "Finja"), ("Fährmann", "Gerda", "Heinz"),
    )  # fmt: skip
    for number, (family, *members) in enumerate(households, start=1):
        for key, feed, row in _household(number, family, *members):
            yield feed, key, row
    for number, (given, family) in enumerate((("Peter", "Schmidt"), ("Maria", "Weber"), ("Hans", "Fischer")), start=1):
        first = _address("Lindenweg 3", "50667", "Köln")
        yield (
            "webform",
            f"n{number}a",
            _form(
                given_name=given,
                family_name=family,
                birthday=f"1958-0{number}-14",
                phone=f"0176 0406993{number}",
                **first,
            ),
        )
        yield "webform", f"n{number}b", _form(
            given_name=given, family_name=family, birthday=f"1991-1{number % 3}-02", phone=f"0176 0406994{number}",
            **_address("Kirchgasse 9", "79098", "Freiburg"),
        )  # fmt: skip
    family_home = _address("Am Deich 4", "28195", "Bremen")
    yield (
        "webform",
        "senior",
        _form(
            given_name="Wilhelm", family_name="Osterloh", birthday="1949-05-03", phone="030 23125 981", **family_home
        ),
    )
    yield (
        "webform",
        "junior",
        _form(
            given_name="Wilhelm", family_name="Osterloh", birthday="1981-10-21", phone="030 23125 981", **family_home
        ),
    )
    companies = (
        "Nordlicht Optik GmbH",
        "Küstenwerk AG",
        "Talblick Hotel GmbH",
        "Harbour View Ltd.",
        "Lötzinn Elektronik GmbH",
    )
    for number, name in enumerate(companies):
        host = name.split()[0].lower().replace("ü", "ue").replace("ö", "oe")
        yield (
            "webform",
            f"c{number}",
            _form(
                company=name,
                email=f"info@{host}.example",
                phone=f"040 66969 {100 + number}",
                website=f"https://{host}.example",
            ),
        )
    yield from _awkward()


def _awkward() -> Iterator[tuple[str, str, Row]]:
    """Values that are wrong and no error: they are taken as they come and become findings."""
    yield "webform", "a1", _form(given_name="Test", family_name="Test", email="test@example.com")
    yield "webform", "a2", _form(given_name="Rosa", family_name="Kleinschmidt", email="n/a", phone="0176 04069951")
    yield (
        "webform",
        "a3",
        _form(given_name="Bodo", family_name="Ritterbusch", email="bodo@example.org", birthday="1970-02-31"),
    )
    yield "webform", "a4", _form(given_name="Fee", family_name="Nachtweih", email="fee@mailinator.com")
    yield "webform", "a5", _form(email="nur.mail@example.net")
    yield (
        "webform",
        "a6",
        _form(full_name="Prof. Dr. Ottokar von der Weiden", phone="0176-04069952", country="Absurdistan"),
    )
    yield (
        "webform",
        "a7",
        _form(given_name="Nils", family_name="Holgersen", email="nils.example.org", postcode="1234", country="DE"),
    )
    yield (
        "webform",
        "a8",
        _form(given_name="Marie", family_name="Hellweg", email="marie.hellweg@example.de", birthday="1988-04-17"),
    )
    yield "newsletter", "a8", _mail("marie.sandbrink@example.org", "Marie", "Sandbrink", phone="0176 04069953")
    yield "registration", "a8", _seat("Marie", "Sandbrink", Geburtsdatum="17.04.1988", Mobil="0176 04069953")
    for number, (given, family, town) in enumerate(
        (
            ("Alma", "Küppersbusch", "Essen"),
            ("Egon", "Strothmann", "Dortmund"),
            ("Thea", "Lindhorst", "Erfurt"),
            ("Kurt", "Wallner", "Mainz"),
        ),
    ):
        at = f"{given}.{family}".lower().replace("ü", "ue")
        yield "webform", f"o{number}", _form(given_name=given, family_name=family, email=f"{at}@example.com", city=town)
        yield "newsletter", f"o{number}", _mail(f"{given[0]}{family}{number}@post.example".lower(), given, family)


SPECIAL: Final = tuple(_special())


def _hook(**answers: str) -> bytes:
    return json.dumps({"event": "form.submitted", "answers": answers}, ensure_ascii=False).encode()


HOOKS: Final = (
    ("k1", "webform", _hook(id="HK-1", vorname="Ada", nachname="Sperling", mail="ada.sperling@example.de")),
    (
        "k2",
        "webform",
        _hook(id="HK-2", vorname="Ben", nachname="Uhlmann", mail="ben.uhlmann@example.org", tel="0176/04069961"),
    ),
    (
        "k3",
        "webform",
        _hook(id="HK-3", vorname="Cleo", nachname="Veith", mail="cleo@example.net", tel="+49 176 04069962"),
    ),
    ("k4", "webform", _hook(id="HK-4", vorname="Dag", nachname="Wernicke", tel="017604069963")),
)
"""Good deliveries by web hook: who it is, the source, the body as the form's vendor sends it."""


def rubbish() -> Iterator[Row]:
    """Bodies that no reader can make sense of: authentic, answered 202, set aside whole."""
    broken = [
        b'{"event":"form.submitted","answers":{"vorname":"Eva"',
        b"",
        b"[[[[",
        b"{'vorname': 'Jan'}",
        b"null}",
        b"\x00\x01\x02",
    ]
    for body in broken:
        yield {"source": "webform", "body": base64.b64encode(body).decode()}
    for name in ("Jörg", "Käthe", "Göran"):
        body = json.dumps({"event": "x", "answers": {"vorname": name}}, ensure_ascii=False).encode("latin-1")
        yield {"source": "registration", "body": base64.b64encode(body).decode()}
    for event in ("ping", "form.viewed", "form.opened"):
        yield {"source": "webform", "body": base64.b64encode(json.dumps({"event": event}).encode()).decode()}
