"""Vendors of forms: what a response says, by their documentation."""

from datetime import UTC, datetime

from services.ingest.connectors.generic import FORM
from services.ingest.connectors.reading import Bad
from shared.domain.configuration import Source
from shared.domain.outcome import LetterReason
from tests.unit.ingest.connectors.bench import read, record

TYPEFORM = {
    "event_id": "LtWXD3crgy",
    "event_type": "form_response",
    "form_response": {
        "form_id": "lT4Z3j",
        "token": "a3a12ec67a1365927098a606107fbc15",
        "landed_at": "2026-11-20T12:00:00Z",
        "submitted_at": "2026-11-20T12:02:00Z",
        "hidden": {"campaign": "spring"},
        "definition": {"id": "lT4Z3j", "title": "Fair", "fields": []},
        "answers": [
            {"type": "text", "text": "Adler", "field": {"id": "1", "type": "short_text", "ref": "nachname"}},
            {"type": "email", "email": "adler@example.de", "field": {"id": "2", "type": "email", "ref": "mail"}},
            {"type": "phone_number", "phone_number": "+4917112345", "field": {"id": "3", "ref": "ab.cd-ef"}},
            {"type": "choice", "choice": {"label": "M"}, "field": {"id": "4", "ref": "groesse"}},
            {"type": "choices", "choices": {"labels": ["A", "B"], "other": "C"}, "field": {"id": "5", "ref": "topics"}},
            {"type": "boolean", "boolean": True, "field": {"id": "6", "ref": "agreed"}},
            {"type": "date", "date": "1980-02-29", "field": {"id": "7", "ref": "born"}},
        ],
    },
}
TYPEFORM_SOURCE = Source(
    connector="typeform", map={"family_name": "nachname", "birthday": "born", "attributes.size": "groesse"}
)


def test_a_response_to_a_typeform_is_read_by_the_refs_of_its_questions() -> None:
    (found,) = read(TYPEFORM_SOURCE, TYPEFORM)
    said = record(found)
    assert said.fields == {
        "family_name": "Adler",
        "email": "adler@example.de",
        "phone": "+4917112345",
        "birthday": "1980-02-29",
    }
    assert said.attributes == {
        "size": "M",
        "topics": ["A", "B", "C"],
        "agreed": True,
        "hidden": {"campaign": "spring"},
    }
    assert said.source_record_id == "a3a12ec67a1365927098a606107fbc15"
    assert said.observed.at == datetime(2026, 11, 20, 12, 2, tzinfo=UTC)


def test_a_map_of_the_mail_address_holds_over_the_type_of_the_question() -> None:
    (found,) = read(Source(connector="typeform", map={"attributes.of_boss": "mail"}), TYPEFORM)
    said = record(found)
    assert "email" not in said.fields
    assert said.attributes["of_boss"] == "adler@example.de"


def test_a_response_not_yet_sent_off_says_nothing() -> None:
    assert read(TYPEFORM_SOURCE, {**TYPEFORM, "event_type": "form_response_partial"}) == []


TALLY = {
    "eventId": "a4cb511e-d513-4fa5-baee-b815d718dfd1",
    "eventType": "FORM_RESPONSE",
    "createdAt": "2026-11-20T10:00:01.000Z",
    "data": {
        "responseId": "2wgx4n",
        "submissionId": "2wgx4n",
        "respondentId": "dwQKYm",
        "formId": "VwbNEw",
        "formName": "Fair",
        "createdAt": "2026-11-20T10:00:00.000Z",
        "fields": [
            {"key": "question_a", "label": "Name", "type": "INPUT_TEXT", "value": "Jörg Adler"},
            {"key": "question_b", "label": "Mail", "type": "INPUT_EMAIL", "value": "adler@example.de"},
            {"key": "question_c", "label": "Phone", "type": "INPUT_PHONE_NUMBER", "value": "+4917112345"},
            {
                "key": "question_d",
                "label": "Topics",
                "type": "CHECKBOXES",
                "value": ["o1", "o2"],
                "options": [{"id": "o1", "text": "A"}, {"id": "o2", "text": "B"}, {"id": "o3", "text": "C"}],
            },
            {"key": "question_e", "label": "Skipped", "type": "TEXTAREA", "value": None},
        ],
    },
}


def test_a_response_to_tally_is_read_by_the_keys_of_its_questions() -> None:
    (found,) = read(Source(connector="tally", map={"full_name": "question_a"}), TALLY)
    said = record(found)
    assert said.fields == {"full_name": "Jörg Adler", "email": "adler@example.de", "phone": "+4917112345"}
    assert said.attributes == {"question_d": ["A", "B"]}
    assert (said.source_record_id, said.observed.stamp) == ("2wgx4n", "2026-11-20T10:00:00+00:00")


RAW = (
    '{"slug":"submit/1","q3_name":{"first":"Jörg","last":"Adler"},"q4_email":"adler@example.de",'
    '"q5_phone":{"full":"(0171) 12345"},"q6_address":{"addr_line1":"Hauptstr. 5","city":"Berlin","postal":"10115"},'
    '"q7_birthDate":{"month":"2","day":"29","year":"1980"},"q8_hobby":"Segeln","buildDate":"1"}'
)


def test_a_submission_of_jotform_is_read_from_its_raw_request() -> None:
    parts = {"formID": "1", "submissionID": "6049991", "webhookURL": "https://example.org", "rawRequest": RAW}
    body = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts.items()
    )
    picture = b'--x\r\nContent-Disposition: form-data; name="p"; filename="p.png"\r\n\r\n\x89PNG\r\n--x--\r\n'
    source = Source(connector="jotform", map={"birthday": "q7_birthDate"})
    (found,) = read(source, body + picture, "multipart/form-data; boundary=x")
    said = record(found)
    assert said.fields == {
        "given_name": "Jörg", "family_name": "Adler", "email": "adler@example.de", "phone": "(0171) 12345",
        "street": "Hauptstr. 5", "city": "Berlin", "postcode": "10115", "birthday": "1980-02-29",
    }  # fmt: skip
    assert said.attributes == {"q8_hobby": "Segeln"}
    assert said.source_record_id == "6049991"


def test_an_entry_of_gravity_forms_is_read_by_the_numbers_of_its_fields_without_traces_of_the_visitor() -> None:
    entry = {
        "id": "77", "form_id": "3", "date_created": "2026-11-20 10:00:00", "ip": "203.0.113.9", "user_agent": "x",
        "1.3": "Jörg", "1.6": "Adler", "2": "adler@example.de", "source_url": "https://example.org/fair",
    }  # fmt: skip
    source = Source(connector="gravity-forms", map={"given_name": "1.3", "family_name": "1.6", "email": "2"})
    (found,) = read(source, entry)
    said = record(found)
    assert said.fields == {"given_name": "Jörg", "family_name": "Adler", "email": "adler@example.de"}
    assert said.attributes == {"source_url": "https://example.org/fair"}
    assert (said.source_record_id, said.observed.stamp) == ("3-77", "2026-11-20T10:00:00+00:00")


def test_a_message_of_contact_form_7_needs_no_map_for_the_form_it_begins_with() -> None:
    body = {"your-name": "Jörg Adler", "your-email": "adler@example.de", "your-message": "Hello"}
    (found,) = read(Source(connector="contact-form-7"), body)
    said = record(found)
    assert said.fields == {"full_name": "Jörg Adler", "email": "adler@example.de"}
    assert (said.attributes, said.source_record_id) == ({"your-message": "Hello"}, None)


def test_a_form_of_a_page_only_adds() -> None:
    body = b"key=pk_12345678&email=adler%40example.de&source_record_id=1&observed_at=2020-01-01&website2=&hobby=x"
    source = Source(connector="form", key="pk_12345678", honeypot="website2", map={"source_record_id": "hobby"})
    (found,) = read(source, body, FORM)
    said = record(found)
    assert (said.source_record_id, said.observed.stamp) == (None, "")
    assert said.fields == {"email": "adler@example.de"}


def test_who_fills_the_field_that_people_do_not_see_says_nothing() -> None:
    source = Source(connector="form", key="pk_12345678", honeypot="website2")
    assert read(source, b"email=a%40example.de&website2=spam", FORM) == []


def test_what_is_not_of_this_vendor_is_set_aside() -> None:
    for connector in ("typeform", "tally", "jotform"):
        (found,) = read(Source(connector=connector), {"email": "adler@example.de"})
        assert isinstance(found, Bad)
        assert found.reason is LetterReason.INVALID
        assert found.body == b'{"email":"adler@example.de"}'


def test_a_definition_of_many_questions_does_not_make_the_record_too_large() -> None:
    response = TYPEFORM["form_response"]
    assert isinstance(response, dict)
    large = {**response, "definition": {"fields": ["x" * 1000] * 50}}
    (found,) = read(TYPEFORM_SOURCE, {**TYPEFORM, "form_response": large})
    assert record(found).fields["family_name"] == "Adler"
