"""Asking: a provider is checked when it is loaded, and a question never breaks out of its place."""

from typing import Any

import msgspec
import pytest

from services.enrich.core.asking import Asked, InvalidProvider, asked_of
from shared.domain.configuration import Auth, Budget, Provider

COMPANIES = Provider(
    asks="company_domain",
    url="https://companies.example/v1/{company_domain}",
    fills={"company.industry": "$.industry", "attributes.employees": "$.size.employees"},
)


def asked(**values: Any) -> Asked:
    """The provider with these values, checked."""
    (one,) = asked_of({"companies": msgspec.structs.replace(COMPANIES, **values)})
    return one


def test_the_example_of_the_contract_is_understood() -> None:
    one = asked(rate="5/s", budget=Budget(day=2000), ttl="90d", negative_ttl="14d")
    assert (one.limits.rate_per_s, one.limits.day) == (5.0, 2000)
    assert (one.ttl.days, one.negative_ttl.days, one.confidence) == (90, 14, 0.8)
    assert one.fills["attributes.employees"] == ("size", "employees")


def test_a_question_in_a_url_stays_in_its_place() -> None:
    """Harm: a subject with a slash or question mark asks for something else, at our expense."""
    one = asked(asks="email", url="https://people.example/find?mail={email}")
    url = one.request("a/b?c&d=e#f@example.de").url
    assert url == "https://people.example/find?mail=a%2Fb%3Fc%26d%3De%23f%40example.de"


def test_a_question_in_a_body_is_a_json_text() -> None:
    one = asked(url="https://companies.example", method="POST", body={"q": ["{company_domain}"], "n": 1})
    request = one.request('a"b')
    assert msgspec.json.decode(request.body or b"") == {"q": ['a"b'], "n": 1}
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (Auth(bearer="k"), ("Authorization", "Bearer k")),
        (Auth(basic="me:secret"), ("Authorization", "Basic bWU6c2VjcmV0")),
        (Auth(header={"X-Api-Key": "k"}), ("X-Api-Key", "k")),
    ],
    ids=["bearer", "basic", "header"],
)
def test_a_key_goes_where_the_provider_looks_for_it(auth: Auth, header: tuple[str, str]) -> None:
    assert header in asked(auth=auth).request("beispiel.de").headers.items()


def test_a_key_may_stand_in_the_query() -> None:
    request = asked(auth=Auth(query={"api key": "a&b"})).request("beispiel.de")
    assert request.url == "https://companies.example/v1/beispiel.de?api+key=a%26b"


def test_no_repr_holds_a_key_or_a_subject() -> None:
    provider = msgspec.structs.replace(COMPANIES, auth=Auth(bearer="s3cret", query={}))
    (one,) = asked_of({"companies": provider})
    shown = f"{provider!r} {provider.auth!r} {one!r} {one.request('beispiel.de')!r}"
    assert "s3cret" not in shown
    assert "beispiel" not in shown


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "ftp://x/{company_domain}"}, "url"),
        ({"url": "http://x/{company_domain}"}, "url: is https://"),
        ({"url": "https://{company_domain}/"}, "url"),
        ({"url": "https://me:you@x/{company_domain}"}, "url"),
        ({"url": "https://x/"}, "neither url nor body holds the question {company_domain}"),
        ({"body": {"q": 1}}, "body: goes with method POST"),
        ({"rate": "500/s"}, "rate"),
        ({"rate": "0/s"}, "rate"),
        ({"rate": "often"}, "rate"),
        ({"ttl": "soon"}, "ttl"),
        ({"ttl": "0d"}, "ttl"),
        ({"timeout": "60s"}, "timeout: is at most 20s"),
        ({"budget": Budget(day=-1)}, "budget.day"),
        ({"confidence": 0.0}, "confidence"),
        ({"fills": {}}, "fills"),
        ({"fills": {"emails": "$.mail"}}, "`emails` cannot be filled"),
        ({"fills": {"contact_id": "$.id"}}, "`contact_id` cannot be filled"),
        ({"fills": {"company.industry": "industry"}}, "fills.company.industry"),
        ({"fills": {"company.industry": "$..x"}}, "fills.company.industry"),
        ({"echo": "domain"}, "echo"),
        ({"auth": Auth(bearer="a", basic="b:c")}, "auth: is one of"),
        ({"auth": Auth(bearer="a\nX-Evil: 1")}, "auth: a key is one line"),
        ({"auth": Auth(header={"X Y": "k"})}, "auth.header"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_with_its_place(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidProvider) as refused:
        asked(**values)
    assert "providers.companies" in str(refused.value)
    assert said in str(refused.value)


def test_the_surest_provider_comes_first() -> None:
    made = asked_of({"b": msgspec.structs.replace(COMPANIES, confidence=0.5), "a": COMPANIES, "c": COMPANIES})
    assert [one.name for one in made] == ["a", "c", "b"]
