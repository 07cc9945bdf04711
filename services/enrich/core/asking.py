"""Asking: what a provider may be asked, with what request, and what its answers mean. Checked once, when loaded."""

import base64
import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from services.enrich.core.filling import FILLABLE, is_fillable
from services.enrich.core.places import Place, place_of
from shared.domain.configuration import Auth, Provider

RATE_MAX: Final = 100.0
"""Questions a second: more than any provider of company data allows, and one process can wait for that many."""

TIMEOUT_MAX_S: Final = 20.0
"""Within the 25 s that a process has to end: what was asked is answered before. A small part of a lease, too."""

TTL_MAX_DAYS: Final = 3650
"""Ten years: longer than any answer stays true."""

_RATE: Final = re.compile(r"([0-9]{1,4})/([smh])")
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


class InvalidProvider(ValueError):
    """A provider that cannot be used; the text names it, the key and what to change, never a secret."""


class Request(NamedTuple):
    """One question on its way. Its repr names the method only: URL, headers and body hold subjects and keys."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def __repr__(self) -> str:
        return f"Request({self.method})"


class Limits(NamedTuple):
    """How often a provider may be asked: questions a second, and a day in UTC (None: as many)."""

    rate_per_s: float
    day: int | None


class Asked(NamedTuple):
    """A provider as enrich works with it."""

    name: str
    asks: str
    request: Callable[[str], Request]
    limits: Limits
    timeout_s: float
    ttl: timedelta
    negative_ttl: timedelta
    fills: Mapping[str, Place]
    echo: Place | None
    confidence: float

    def __repr__(self) -> str:
        return f"Asked({self.name})"


def asked_of(providers: Mapping[str, Provider], *, plain_http: bool = False) -> tuple[Asked, ...]:
    """The providers of a configuration, surest first. Raises InvalidProvider for what cannot be used.

    Without TLS nobody is asked, unless `plain_http` says that the way there is our own.
    """
    made = [
        _asked(name, provider, ("https", "http") if plain_http else ("https",)) for name, provider in providers.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.confidence, one.name)))


def _asked(name: str, provider: Provider, schemes: Collection[str]) -> Asked:
    place = f"providers.yaml: providers.{name}"
    if not 0 < provider.confidence <= 1:
        raise InvalidProvider(f"{place}.confidence: is above 0 and at most 1")
    timeout = _duration(provider.timeout, f"{place}.timeout").total_seconds()
    if timeout > TIMEOUT_MAX_S:
        raise InvalidProvider(f"{place}.timeout: is at most {TIMEOUT_MAX_S:.0f}s")
    if provider.budget.day is not None and provider.budget.day < 0:
        raise InvalidProvider(f"{place}.budget.day: is a number from 0 on")
    return Asked(
        name=name,
        asks=provider.asks,
        request=_request(provider, place, schemes),
        limits=Limits(_rate(provider.rate, f"{place}.rate"), provider.budget.day),
        timeout_s=timeout,
        ttl=_duration(provider.ttl, f"{place}.ttl"),
        negative_ttl=_duration(provider.negative_ttl, f"{place}.negative_ttl"),
        fills=_fills(provider.fills, place),
        echo=None if provider.echo is None else _place(provider.echo, f"{place}.echo"),
        confidence=provider.confidence,
    )


def _fills(fills: Mapping[str, str], place: str) -> dict[str, Place]:
    if not fills:
        raise InvalidProvider(f"{place}.fills: names at least one path of the contact")
    for path in fills:
        if not is_fillable(path):
            raise InvalidProvider(f"{place}.fills: `{path}` cannot be filled; known are {', '.join(sorted(FILLABLE))}")
    return {path: _place(text, f"{place}.fills.{path}") for path, text in fills.items()}


def _place(text: str, where: str) -> Place:
    if (read := place_of(text)) is None:
        raise InvalidProvider(f"{where}: is no place in an answer such as $.industry or $.offices[0].city")
    return read


def _rate(text: str, where: str) -> float:
    match = _RATE.fullmatch(text)
    rate = int(match[1]) / _SECONDS[match[2]] if match else 0.0
    if not 0 < rate <= RATE_MAX:
        raise InvalidProvider(f"{where}: is a number a second, minute or hour such as 5/s, at most {RATE_MAX:.0f}/s")
    return rate


def _duration(text: str, where: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    found = timedelta(seconds=int(match[1]) * _SECONDS[match[2]]) if match else timedelta()
    if not timedelta() < found <= timedelta(days=TTL_MAX_DAYS):
        raise InvalidProvider(f"{where}: is a duration such as 90s, 10m, 12h or 90d")
    return found


def _request(provider: Provider, place: str, schemes: Collection[str]) -> Callable[[str], Request]:
    slot = f"{{{provider.asks}}}"
    parts = urlsplit(provider.url)
    if parts.scheme not in schemes or not parts.hostname or slot in parts.netloc or parts.username:
        raise InvalidProvider(f"{place}.url: is {' or '.join(schemes)}:// and a host, without user and question in it")
    if slot not in provider.url and slot not in json.dumps(provider.body):
        raise InvalidProvider(f"{place}: neither url nor body holds the question {slot}")
    if provider.method == "GET" and provider.body is not None:
        raise InvalidProvider(f"{place}.body: goes with method POST")
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **_keys(provider.auth, place)}
    if provider.body is not None:
        headers["Content-Type"] = "application/json"
    return partial(_made, provider, slot, headers)


def _made(provider: Provider, slot: str, headers: Mapping[str, str], subject: str) -> Request:
    """The request that asks about a subject: encoded in the URL, as a JSON text in the body."""
    url = provider.url.replace(slot, quote(subject, safe=""))
    if provider.auth.query:
        url += ("&" if urlsplit(url).query else "?") + urlencode(provider.auth.query)
    body = None if provider.body is None else json.dumps(_filled(provider.body, slot, subject)).encode()
    return Request(provider.method, url, headers, body)


def _filled(template: Any, slot: str, subject: str) -> Any:
    match template:
        case str():
            return template.replace(slot, subject)
        case list():
            return [_filled(one, slot, subject) for one in template]
        case dict():
            return {key: _filled(one, slot, subject) for key, one in template.items()}
        case _:
            return template


def _keys(auth: Auth, place: str) -> dict[str, str]:
    ways = [auth.bearer is not None, auth.basic is not None, bool(auth.header), bool(auth.query)]
    if sum(ways) > 1:
        raise InvalidProvider(f"{place}.auth: is one of bearer, basic, header and query")
    if any(not _HEADER.fullmatch(name) for name in auth.header):
        raise InvalidProvider(f"{place}.auth.header: names a header, such as X-Api-Key")
    values = [auth.bearer or "", *auth.header.values()]
    if any(not value.isascii() or not value.isprintable() for value in values):
        raise InvalidProvider(f"{place}.auth: a key is one line of ASCII")
    if auth.bearer is not None:
        return {"Authorization": f"Bearer {auth.bearer}"}
    if auth.basic is not None:
        return {"Authorization": f"Basic {base64.b64encode(auth.basic.encode()).decode()}"}
    return dict(auth.header)
