from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.consent import STRICTNESS, allows, consent_states
from shared.domain.contact import ConsentState
from shared.domain.record import Consent

START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES = list(STRICTNESS)

moments = st.one_of(st.none(), st.integers(0, 9).map(lambda days: START + timedelta(days=days)))
ASKS = {"asked": {"source": "fair", "record_id": "0b6f2a52-3c4d-7e8f-9a0b-1c2d3e4f5a6b"}}
proofs = st.one_of(
    st.none(),
    st.integers(0, 9).map(lambda days: {"confirmed_at": (START + timedelta(days=days)).isoformat()}),
    st.just(ASKS),
)
statements = st.lists(
    st.builds(
        Consent,
        purpose=st.just("newsletter"),
        channel=st.just("email"),
        status=st.sampled_from([*STATUSES, "perhaps"]),
        address=st.sampled_from([None, "a@x.de", "A@x.de", "b@x.de"]),
        at=moments,
        proof=proofs,
    ),
    max_size=4,
)


def said(status: str, on: int | None = None, address: str | None = "a@x.de", confirmed: int | None = None) -> Consent:
    proof = None if confirmed is None else {"confirmed_at": (START + timedelta(days=confirmed)).isoformat()}
    at = None if on is None else START + timedelta(days=on)
    return Consent(purpose="newsletter", channel="email", status=status, address=address, at=at, proof=proof)


def wished(on: int, address: str = "a@x.de") -> Consent:
    return msgspec.structs.replace(said("pending", on, address), proof=ASKS)


def status_of(*spoken: Consent) -> str:
    (state,) = [one for one in consent_states(spoken) if one.address is not None]
    return state.status


def test_a_refusal_holds_whatever_was_granted_later_without_proof() -> None:
    assert status_of(said("withdrawn", 1), said("granted", 5)) == "withdrawn"


def test_a_newer_confirmed_proof_grants_again() -> None:
    assert status_of(said("withdrawn", 1), said("granted", 5, confirmed=5)) == "granted"


def test_an_older_proof_does_not_undo_a_newer_refusal() -> None:
    assert status_of(said("granted", 1, confirmed=1), said("withdrawn", 5)) == "withdrawn"


def test_a_refusal_without_time_cannot_be_outlived() -> None:
    assert status_of(said("denied"), said("granted", 5, confirmed=5)) == "denied"


def test_a_refusal_without_address_counts_for_every_address() -> None:
    states = consent_states([said("granted", 1), said("withdrawn", 2, address=None)])
    assert not allows(states, "newsletter", "email", "a@x.de")


def test_a_grant_without_address_allows_no_address() -> None:
    assert not allows(consent_states([said("granted", 1, address=None)]), "newsletter", "email", "a@x.de")


def test_consent_for_one_address_is_none_for_another() -> None:
    states = consent_states([said("granted", 1)])
    assert allows(states, "newsletter", "email", "A@X.de")
    assert not allows(states, "newsletter", "email", "b@x.de")
    assert not allows(states, "survey", "email", "a@x.de")


def test_pending_is_stricter_than_granted_until_confirmed() -> None:
    assert status_of(said("pending", 1), said("granted", 1)) == "pending"
    assert status_of(said("pending", 1), said("granted", 2, confirmed=2)) == "granted"


@given(statements)
def test_the_order_of_statements_does_not_matter(spoken: list[Consent]) -> None:
    shuffled = sorted(spoken, key=lambda one: repr((one.status, one.at, one.address)))
    assert consent_states(spoken) == consent_states(shuffled) == consent_states(list(reversed(spoken)))


@given(statements, statements)
def test_joining_without_new_proof_can_only_tighten(ours: list[Consent], theirs: list[Consent]) -> None:
    bare = [
        [Consent(one.purpose, one.channel, one.status, one.address, one.at) for one in some] for some in (ours, theirs)
    ]
    for address in ("a@x.de", "b@x.de"):
        joined = allows(consent_states(bare[0] + bare[1]), "newsletter", "email", address)
        alone = [allows(consent_states(some), "newsletter", "email", address) for some in bare]
        spoken = [any(one.address and one.address.lower() == address for one in some) for some in bare]
        assert not joined or all(allowed for allowed, said_so in zip(alone, spoken, strict=True) if said_so)


@given(statements, statements)
def test_joining_allows_nothing_that_neither_allowed(ours: list[Consent], theirs: list[Consent]) -> None:
    for address in ("a@x.de", "b@x.de"):
        if allows(consent_states(ours + theirs), "newsletter", "email", address):
            assert any(allows(consent_states(some), "newsletter", "email", address) for some in (ours, theirs)) or any(
                one.proof is not None for one in ours + theirs
            )


days = st.integers(0, 2).map(lambda number: START + timedelta(days=number))
close = st.lists(
    st.builds(
        Consent,
        purpose=st.just("newsletter"),
        channel=st.just("email"),
        status=st.sampled_from(["granted", "withdrawn", "pending"]),
        address=st.sampled_from([None, "a@x.de"]),
        at=st.none() | days,
        proof=st.none() | days.map(lambda day: {"confirmed_at": day.isoformat()}),
    ),
    min_size=1,
    max_size=2,
)
"""Statements so close to each other that every order of times comes up."""


@settings(max_examples=400)
@given(close, close)
def test_joining_loosens_a_state_only_by_a_proof_that_is_newer_than_it(
    ours: list[Consent], theirs: list[Consent]
) -> None:
    joined = by_address(ours + theirs)
    proofs = {
        address: max(
            datetime.fromisoformat(one.proof["confirmed_at"])
            for one in ours + theirs
            if one.status == "granted" and one.proof and folded(one.address) == address
        )
        for address in joined
        if any(one.status == "granted" and one.proof and folded(one.address) == address for one in ours + theirs)
    }
    for side in (by_address(ours), by_address(theirs)):
        for address, state in side.items():
            if STRICTNESS[joined[address].status] < STRICTNESS.get(state.status, 1):
                assert state.since is not None, "what has no time cannot be shown to be older"
                assert state.since < proofs[address]


def folded(address: str | None) -> str | None:
    """An address as states are told apart by it."""
    return None if address is None else address.lower()


def by_address(spoken: list[Consent]) -> dict[str | None, ConsentState]:
    """The states by address."""
    return {folded(state.address): state for state in consent_states(spoken)}


@pytest.mark.parametrize("status", ["denied", "withdrawn", "pending", "perhaps"])
def test_a_general_no_closes_every_address_and_what_is_no_no_closes_none(status: str) -> None:
    granted, general = said("granted", 1), said(status, 2, address=None)
    assert allows(consent_states([granted]), "newsletter", "email", "a@x.de")
    assert allows(consent_states([granted, general]), "newsletter", "email", "a@x.de") is (
        status in {"pending", "perhaps"}
    )


@pytest.mark.parametrize("held", [said("granted", 1), said("granted", 1, confirmed=1), said("withdrawn", 1)])
def test_an_asking_takes_nothing_away_and_grants_nothing(held: Consent) -> None:
    assert status_of(held, wished(5)) == held.status
    assert status_of(wished(5)) == "pending"
    assert status_of(said("granted", 1), said("pending", 5)) == "pending", "what is pending without asking does"


def test_who_asks_is_known_until_it_is_answered() -> None:
    (state,) = consent_states([wished(3), wished(5)])
    assert state.asked is not None
    assert (state.asked.source, state.asked.at) == ("fair", START + timedelta(days=5))
    (state,) = consent_states([wished(3), said("granted", 4, confirmed=4)])
    assert (state.status, state.asked) == ("granted", None)
    (state,) = consent_states([said("withdrawn", 1), wished(3)])
    assert state.status == "withdrawn"
    assert state.asked is not None, "who wants it again is asked"


@pytest.mark.parametrize("refusal", [said("withdrawn", 7), said("denied"), said("withdrawn", 7, address=None)])
def test_who_refuses_after_asking_is_not_asked(refusal: Consent) -> None:
    states = [one for one in consent_states([wished(5), refusal]) if one.address is not None]
    assert [one.asked for one in states] == [None]
