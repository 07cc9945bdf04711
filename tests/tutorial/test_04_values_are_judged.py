"""4. Values are judged.

A wrong value is no error: it is taken as it comes, and understood or found wanting. Nothing is silently changed; what
looks mistyped becomes a suggestion.
"""

from tests.tutorial.chain import Chain


async def test_findings_name_path_code_and_what_to_do(chain: Chain) -> None:
    """Codes are documented in docs/findings.md; the contact goes on all the same."""
    event_id = await chain.send(
        given_name="Jörg", family_name="Müller", email="joerg@gmial.com", phone="12", birthday="1980-02-31"
    )
    await chain.settle()
    contact = await chain.contact_of(event_id)
    codes = {finding["path"]: finding["code"] for finding in contact["quality"]["findings"]}
    assert codes["/emails/0"] == "email.typo"
    assert codes["/phones/0"] == "phone.invalid"
    assert codes["/birthday"] == "birthday.implausible"


async def test_what_looks_mistyped_is_suggested_and_left_alone(chain: Chain) -> None:
    """Only the person knows what was meant."""
    event_id = await chain.send(given_name="Jörg", family_name="Müller", email="joerg@gmial.com")
    await chain.settle()
    contact = await chain.contact_of(event_id)
    assert contact["emails"][0]["value"] == "joerg@gmial.com"
    assert [(one["path"], one["value"]) for one in contact["suggestions"] if one["from"] == "validate"] == [
        ("/emails/0", "joerg@gmail.com")
    ]


async def test_what_can_be_understood_is_written_one_way(chain: Chain) -> None:
    """Numbers to E.164 by the country of the source, countries to two letters, house numbers from their streets."""
    event_id = await chain.send(
        given_name="Anna", family_name="Groß", phone="0171 / 123 45 67", street="Hauptstr. 5a", postcode="10115",
        city="Berlin", country="Deutschland",
    )  # fmt: skip
    await chain.settle()
    contact = await chain.contact_of(event_id)
    assert contact["phones"][0]["value"] == "+491711234567"
    assert (contact["addresses"][0]["house_number"], contact["addresses"][0]["country"]) == ("5a", "DE")


async def test_gaps_are_filled_only_where_it_is_certain(chain: Chain) -> None:
    """The domain of a business address is the company's; a free-mail provider is nobody's company."""
    work = await chain.send(given_name="Anna", family_name="Groß", email="anna.gross@weissdorn-verlag.de")
    home = await chain.send(given_name="Bert", family_name="Klein", email="bert.klein@gmx.de")
    await chain.settle()
    assert (await chain.contact_of(work))["company"]["domain"] == "weissdorn-verlag.de"
    assert (await chain.contact_of(home))["company"]["domain"] is None
