"""Signatures: every verified vector passes; a changed byte, an old time and a wrong secret do not."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from shared.domain.configuration import Source, Vendor
from tests.unit.ingest.connectors.bench import authentic, hook

HUBSPOT_V1 = (
    b'[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,'
    b'"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM",'
    b'"changeFlag":"NEW","appId":54321}]'
)
BODY = b'{"event_id":"LtWXD3crgy"}'
TIME = 1_700_000_000


class Vector(NamedTuple):
    """One request that is known to be signed rightly; `timed_s`: how old it may be, None where it tells no time."""

    connector: Vendor
    secret: str
    body: bytes
    headers: Mapping[str, str]
    at: int = TIME
    timed_s: int | None = None
    url: str = "https://example.org/hooks/hubspot"


STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
IN_BASE64 = "HmWFrlOAtoMy54d2QCZKxuS6IQNhMsyinexW9pDgzTE="
VECTORS = {
    "typeform": Vector("typeform", "secret", BODY, {"typeform-signature": "sha256=" + IN_BASE64}),
    "tally": Vector("tally", "secret", BODY, {"tally-signature": IN_BASE64}),
    "calendly": Vector(
        "calendly",
        "key",
        BODY,
        {"calendly-webhook-signature": f"t={TIME},v1=b62ababb8dea77d76726ed2b91b2d23587f4781aaf1e0ed653458af54cad80bc"},
        timed_s=180,
    ),
    "stripe": Vector(
        "stripe",
        "whsec_test",
        BODY,
        {"stripe-signature": f"t={TIME},v1=22c7461567206542cf6fab5c59f6484efcca859c9ab74e2467a4a85c305ea167,v0=old"},
        timed_s=300,
    ),
    "hubspot v1": Vector(
        "hubspot",
        "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
        HUBSPOT_V1,
        {
            "x-hubspot-signature": "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de",
            "x-hubspot-signature-version": "v1",
        },
    ),
    "hubspot v3": Vector(
        "hubspot",
        "secret",
        BODY,
        {
            "x-hubspot-signature-v3": "oKxtcARvdpXHvhI/yQGY/DlEkIXjq8LAyJvQKQnzQMs=",
            "x-hubspot-request-timestamp": f"{TIME}000",
        },
        timed_s=300,
    ),
    "standard webhooks": Vector(
        "standard-webhooks", STANDARD_SECRET, b'{"test": 2432232314}', STANDARD, 1_614_265_330, 300
    ),
    "svix": Vector(
        "standard-webhooks",
        STANDARD_SECRET,
        b'{"test": 2432232314}',
        {name.replace("webhook", "svix"): value for name, value in STANDARD.items()},
        1_614_265_330,
        300,
    ),
}


def holds(
    vector: Vector, secrets: tuple[str, ...] | None = None, late_s: float = 0.0, public: str | None = None
) -> bool:
    """Whether a source with these secrets lets the request in, so many seconds after it was signed."""
    source = Source(
        connector=vector.connector, secrets=(vector.secret,) if secrets is None else secrets, public_url=public
    )
    at = datetime.fromtimestamp(vector.at, UTC) + timedelta(seconds=late_s)
    return authentic(source, hook(vector.body, at=at, headers=vector.headers, url=vector.url))


@pytest.mark.parametrize("name", VECTORS)
def test_every_verified_vector_passes(name: str) -> None:
    assert holds(VECTORS[name])


@pytest.mark.parametrize("name", VECTORS)
def test_a_changed_byte_anywhere_is_refused(name: str) -> None:
    vector = VECTORS[name]
    for place in range(len(vector.body)):
        changed = bytearray(vector.body)
        changed[place] ^= 1
        assert not holds(vector._replace(body=bytes(changed)))
    assert not holds(vector._replace(body=vector.body + b" "))


@pytest.mark.parametrize("name", VECTORS)
def test_a_changed_header_is_refused(name: str) -> None:
    vector = VECTORS[name]
    for header, value in vector.headers.items():
        if header == "x-hubspot-signature-version":
            continue
        middle = len(value) // 2 if not value.endswith("v0=old") else value.index("v1=") + 5
        other = "0" if value[middle] != "0" else "1"
        changed = value[:middle] + other + value[middle + 1 :]
        assert not holds(vector._replace(headers={**vector.headers, header: changed})), header
        assert not holds(vector._replace(headers={**vector.headers, header: ""})), header
        assert not holds(vector._replace(headers={**vector.headers, header: "\u00e4\udcff,t=v1="})), header


@pytest.mark.parametrize("name", VECTORS)
def test_a_wrong_secret_and_no_secret_are_refused(name: str) -> None:
    assert not holds(VECTORS[name], ("another",))
    assert not holds(VECTORS[name], ())
    assert not holds(VECTORS[name], ("",))


@pytest.mark.parametrize("name", VECTORS)
def test_while_one_secret_replaces_the_other_both_hold(name: str) -> None:
    vector = VECTORS[name]
    assert holds(vector, ("another", vector.secret))
    assert holds(vector, (vector.secret, "another"))


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector.timed_s])
def test_an_old_time_is_refused_and_so_is_one_far_ahead(name: str) -> None:
    vector = VECTORS[name]
    assert vector.timed_s is not None
    assert holds(vector, late_s=vector.timed_s)
    assert not holds(vector, late_s=vector.timed_s + 1)
    assert not holds(vector, late_s=-vector.timed_s - 1)


def test_of_several_signatures_one_that_fits_is_enough() -> None:
    vector = VECTORS["standard webhooks"]
    other = "v1," + base64.b64encode(b"x" * 32).decode()
    several = f"{other} v1a,asymmetric {vector.headers['webhook-signature']}"
    assert holds(vector._replace(headers={**vector.headers, "webhook-signature": several}))
    stripe = VECTORS["stripe"]
    twice = stripe.headers["stripe-signature"].replace(",v1=", ",v1=00,v1=")
    assert holds(stripe._replace(headers={"stripe-signature": twice}))


def test_hubspot_signs_the_address_it_was_told_and_not_the_one_behind_the_proxy() -> None:
    inside = VECTORS["hubspot v3"]._replace(url="http://ingest:8000/hooks/hubspot")
    assert not holds(inside)
    assert holds(inside, public="https://example.org/hooks/hubspot")
    assert holds(inside, public="https://example.org%2Fhooks%2fhubspot")


@pytest.mark.parametrize(
    ("headers", "secret", "lets_in"),
    [
        ({}, "hidden", True),
        ({}, "wrong", False),
        ({"authorization": "Bearer hidden"}, None, True),
        ({"authorization": "bearer hidden"}, None, True),
        ({"authorization": "Bearer wrong"}, None, False),
        ({"authorization": "Basic " + base64.b64encode(b"user:password").decode()}, None, True),
        ({"authorization": "Basic " + base64.b64encode(b"user:wrong").decode()}, None, False),
        ({"authorization": "Basic !"}, None, False),
        ({"authorization": "hidden"}, None, False),
        ({}, None, False),
        ({"authorization": "Bearer hidden"}, "wrong", False),
    ],
)
@pytest.mark.parametrize("connector", ["brevo", "mailchimp", "jotform", "gravity-forms", "contact-form-7", "generic"])
def test_vendors_that_cannot_sign_show_a_secret(
    connector: Vendor, headers: Mapping[str, str], secret: str | None, lets_in: bool
) -> None:
    source = Source(connector=connector, secrets=("hidden", "user:password"))
    assert authentic(source, hook({}, headers=headers, secret=secret)) is lets_in
