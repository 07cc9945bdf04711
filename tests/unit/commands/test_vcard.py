from shared.commands.vcard import cards

CARD = """BEGIN:VCARD
VERSION:3.0
UID:urn:uuid:4711
N:Müller-Lüdenscheidt;Jörg;Maria;Dr.;
FN:Dr. Jörg Müller-Lüdenscheidt
item1.EMAIL;TYPE=INTERNET:joerg@example.org
EMAIL;TYPE=WORK,PREF:j.mueller@example.de
TEL;TYPE=CELL:0176 04069991
ADR;TYPE=HOME:;;Hauptstr. 5a;Berlin;;10115;Deutsch
 land
BDAY:19800229
ORG:Beispiel\\, Söhne;Einkauf
NOTE:never read
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Anna Schulz
TEL;VALUE=uri;PREF=1:tel:+49-30-23125-123
END:VCARD
"""


def test_a_card_becomes_the_fields_of_a_record() -> None:
    (first, record), (second, other) = cards(CARD.splitlines(keepends=True))
    assert (first, second) == (1, 15)
    assert record == {
        "source_record_id": "4711",
        "family_name": "Müller-Lüdenscheidt",
        "given_name": "Jörg Maria",
        "name_prefix": "Dr.",
        "full_name": "Dr. Jörg Müller-Lüdenscheidt",
        "email": "j.mueller@example.de",
        "emails": [{"value": "j.mueller@example.de", "kind": "work"}, {"value": "joerg@example.org"}],
        "phone": "0176 04069991",
        "phones": [{"value": "0176 04069991", "kind": "mobile"}],
        "street": "Hauptstr. 5a",
        "city": "Berlin",
        "postcode": "10115",
        "country": "Deutschland",
        "birthday": "1980-02-29",
        "company": "Beispiel, Söhne",
        "department": "Einkauf",
    }
    assert other == {"full_name": "Anna Schulz", "phone": "+49-30-23125-123"}


def test_lines_that_are_no_property_are_passed_over() -> None:
    assert [record for _, record in cards(["BEGIN:VCARD\n", "nonsense\n", ";;;\n", "FN:Anna\n", "END:VCARD\n"])] == [
        {"full_name": "Anna"}
    ]
