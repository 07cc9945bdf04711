"""Every proof is compared in constant time and with every secret, so that time tells nobody how near a guess was."""

import hmac
from collections.abc import Callable

import msgspec
import pytest

from services.ingest.connectors.hook import Hook
from shared.commands.vendors import VENDORS
from shared.commands.vendors_people import people
from shared.domain.configuration import Source
from tests.unit.ingest.connectors.bench import NOW, authentic

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FmKQ9r8GKYqrTwjUPD8ILPZIo2LaLa"
EQUAL: Callable[[bytes, bytes], bool] = hmac.compare_digest


@pytest.mark.parametrize("name", VENDORS)
def test_a_right_proof_a_wrong_one_and_one_by_the_second_secret_cost_the_same_comparisons(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def counted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return EQUAL(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    vendor = VENDORS[name]
    (person,) = people(1, "run")
    body = next(vendor.bodies(person))

    def comparisons(signed_with: str, *secrets: str) -> tuple[bool, int]:
        signed = vendor.sign(body, signed_with, "http://door/hooks/fair", NOW)
        hook = Hook(
            source="fair",
            body=body.body,
            content_type=body.content_type,
            at=NOW,
            headers={name.lower(): value for name, value in signed.headers.items()},
            url="http://door/hooks/fair",
            secret=signed.path.removeprefix("/") or None,
        )
        source = msgspec.convert({"connector": name, "secrets": secrets, "key": secrets[0]}, Source)
        compared.clear()
        return authentic(source, hook), len(compared)

    lets_in, right = comparisons(SECRET, SECRET, OTHER)
    assert lets_in
    assert right >= (1 if name == "form" else 2)
    assert comparisons(OTHER, SECRET, SECRET) == (False, right)
    if name != "form":
        assert comparisons(SECRET, OTHER, SECRET) == (True, right)
