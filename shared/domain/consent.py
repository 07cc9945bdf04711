"""Consent: what holds for one purpose, channel and address, from everything that was ever said about it.

A lattice, not a field: the strictest statement holds, whoever made it and whenever it arrives, until a confirmed proof
(double opt-in) newer than the refusal grants again. Joining records can therefore only tighten, never loosen.

Whoever fills a form with somebody else's address asks for a consent and proves nothing: an asking takes nothing away
from what holds, and holds itself only where nothing else was said.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast

from shared.domain.contact import Asking, ConsentState
from shared.domain.mail import parse_email
from shared.domain.opt_in import Asked, asked_in
from shared.domain.phone import parse_phone
from shared.domain.record import Consent, Json
from shared.domain.text import fold

STRICTNESS: Final = {"granted": 0, "pending": 1, "denied": 2, "withdrawn": 3}
"""From what allows to what forbids; a status nobody knows counts as pending, since it allows nothing."""

_REFUSALS: Final = frozenset({"denied", "withdrawn"})
_UNKNOWN: Final = "pending"
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)

Key = tuple[str, str, str | None]


def consent_states(statements: Iterable[Consent]) -> tuple[ConsentState, ...]:
    """What holds, one state for each purpose, channel and address that was spoken of, sorted.

    A refusal without address counts for every address of its purpose and channel; a grant without address for none but
    itself. The result depends on the set of statements only, not on their order.
    """
    by_key: dict[Key, list[Consent]] = {}
    for statement in statements:
        by_key.setdefault(_key(statement), []).append(statement)
    states: list[ConsentState] = []
    for (purpose, channel, address), said in by_key.items():
        general = [one for one in by_key.get((purpose, channel, None), ()) if _status(one) in _REFUSALS]
        states.append(_holding(said if address is None else said + general, said))
    return tuple(sorted(states, key=lambda state: (state.purpose, state.channel, state.address or "")))


def allows(states: Iterable[ConsentState], purpose: str, channel: str, address: str) -> bool:
    """True when this address may be used for this purpose: under its own consent only; none said is none given."""
    wanted = _address(address, channel)
    return any(
        state.status == "granted" and state.address is not None and _address(state.address, channel) == wanted
        for state in states
        if fold(state.purpose) == fold(purpose) and fold(state.channel) == fold(channel)
    )


def _key(statement: Consent) -> Key:
    return fold(statement.purpose), fold(statement.channel), _address(statement.address, statement.channel)


def _address(address: str | None, channel: str) -> str | None:
    if address is None or not address.strip():
        return None
    if fold(channel) == "email" or "@" in address:
        return parse_email(address).canonical or fold(address)
    return parse_phone(address).e164 or fold(address)


def _status(statement: Consent) -> str:
    status = fold(statement.status)
    return status if status in STRICTNESS else _UNKNOWN


def _holding(statements: list[Consent], own: list[Consent]) -> ConsentState:
    proven = max((at for one in own if (at := _confirmed_at(one)) is not None), default=None)
    said = [one for one in statements if _asked(one) is None] or statements
    standing = [one for one in said if not _outlived(one, proven)]
    strictest = max(standing, key=lambda one: (STRICTNESS[_status(one)], _earliness(one), one.purpose))
    name = min(own, key=lambda one: (one.purpose, one.channel, one.address or ""))
    return ConsentState(
        purpose=name.purpose,
        channel=name.channel,
        address=name.address,
        status=_status(strictest),
        since=proven if _status(strictest) == "granted" and proven is not None else strictest.at,
        asked=None if _status(strictest) == "granted" else _asking(statements),
    )


def _asking(statements: list[Consent]) -> Asking | None:
    """The latest asking that no refusal has followed. A refusal without time cannot be shown to be older."""
    asking = max(
        (Asking(source=asked.source, record_id=asked.record_id, at=_aware(one.at))
         for one in statements if (asked := _asked(one)) is not None and one.at is not None),
        key=lambda found: (found.at, found.record_id),
        default=None,
    )  # fmt: skip
    refusals = [one for one in statements if _status(one) in _REFUSALS]
    answered = asking is None or any(one.at is None or _moment(one) >= asking.at for one in refusals)
    return None if answered else asking


def _asked(statement: Consent) -> Asked | None:
    return asked_in(statement.proof) if _status(statement) == "pending" else None


def _outlived(statement: Consent, proven: datetime | None) -> bool:
    """True for what a confirmed grant has overtaken. What has no time cannot be shown to be older, and stays."""
    if proven is None or _status(statement) == "granted":
        return False
    return statement.at is not None and _moment(statement) < proven


def _confirmed_at(statement: Consent) -> datetime | None:
    if _status(statement) != "granted" or not isinstance(statement.proof, dict):
        return None
    confirmed: Json = cast(dict[str, Json], statement.proof).get("confirmed_at")
    if isinstance(confirmed, datetime):
        return _aware(confirmed)
    if not isinstance(confirmed, str):
        return None
    try:
        return _aware(datetime.fromisoformat(confirmed))
    except ValueError:
        return None


def _moment(statement: Consent) -> datetime:
    return _ALWAYS if statement.at is None else _aware(statement.at)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _earliness(statement: Consent) -> float:
    """Greater for what was said earlier: a state holds since it was said first."""
    return -(_moment(statement) - _ALWAYS).total_seconds()
