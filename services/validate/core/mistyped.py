"""Mistyped mail domains: a slip of the finger away from where nearly everybody has a mailbox.

Nothing is ever changed: a slip becomes a finding and a suggestion. The company's own domain is no slip, whatever it
resembles. Distances are Damerau's in the form of optimal string alignment: a letter too many, too few, another one,
or two neighbours swapped counts one (Damerau, CACM 7, 1964: these four make 80 % of all slips).
"""

import json
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA
from tldextract import TLDExtract

from shared.domain.mail import is_free_mail
from shared.domain.text import words_of

DOMAINS_MAX: Final = 65_536
"""Domains kept as judged."""

SLIP_LETTERS_MIN: Final = 5
"""Shorter names (web, gmx, aol) have too many real neighbours: theirs are slips only by the list."""

_RESERVED: Final = frozenset({"example", "test", "invalid", "local", "localhost", "onion", "arpa", "internal"})
"""Endings that never resolve in the public tree and are meant as they are (RFC 2606, RFC 6761)."""

_ENDINGS: Final = ("de", "com", "net", "org", "at", "ch", "eu", "info", "co.uk", "fr", "nl", "it")
"""What an ending that does not exist was meant to be, the most frequent of a German-speaking list first."""


class Tables(NamedTuple):
    """Providers by their name (gmail → gmail.com), those found under one ending only, and slips known by sight."""

    providers: dict[str, tuple[str, ...]]
    single: frozenset[str]
    slips: dict[str, str]


@cache
def _tables() -> Tables:
    read = json.loads(resources.files("services.validate.core").joinpath("mistyped.json").read_text("utf-8"))
    providers: dict[str, list[str]] = {}
    for domain in read["providers"]:
        providers.setdefault(domain.partition(".")[0], []).append(domain)
    slips = {slip: meant for meant, slips in read["slips"].items() for slip in slips}
    return Tables({name: tuple(found) for name, found in providers.items()}, frozenset(read["single"]), slips)


def meant_domain(domain: str, company: str | None = None) -> str | None:
    """The domain that was probably meant, or None where this one is nothing but itself. `domain` in lower case."""
    meant = _meant(domain)
    if meant is None or (company is not None and _is_companys(domain, company)):
        return None
    return meant


@lru_cache(DOMAINS_MAX)
def _meant(domain: str) -> str | None:
    tables = _tables()
    name, _, ending = domain.partition(".")
    if domain in tables.providers.get(name, ()):
        return None
    if domain in tables.slips:
        return tables.slips[domain]
    if is_free_mail(domain) or not ending:
        return None
    if near := _same_name(name, ending, tables) or _near_name(name, ending, tables):
        return near
    ended = _near_ending(domain)
    return None if ended is None else _meant(ended) or ended  # we.d is we.de, which is web.de


def _same_name(name: str, ending: str, tables: Tables) -> str | None:
    """gmail.con, gmail.de, gmx.dee: the provider's name with an ending it has not."""
    found = tables.providers.get(name, ())
    if not found:
        return None
    if name in tables.single:
        return found[0]
    return None if _exists(ending) else _nearest_ending(ending, found)


def _near_name(name: str, ending: str, tables: Tables) -> str | None:
    """gmial.com, hotmial.de, t-onlien.de: one slip in the name, and the ending right or a slip away as well."""
    best: str | None = None
    for provider, found in tables.providers.items():
        if len(provider) < SLIP_LETTERS_MIN or abs(len(provider) - len(name)) > 1:
            continue
        if OSA.distance(name, provider, score_cutoff=1) > 1:
            continue
        if f"{provider}.{ending}" in found:
            return f"{provider}.{ending}"
        if not _exists(ending) and best is None:
            best = _nearest_ending(ending, found)
    return best


def _nearest_ending(ending: str, found: tuple[str, ...]) -> str | None:
    by_distance = sorted((OSA.distance(ending, one.partition(".")[2]), at) for at, one in enumerate(found))
    distance, at = by_distance[0]
    return found[at] if distance <= 1 else None


def _near_ending(domain: str) -> str | None:
    """firma.con: an ending that does not exist, one slip from a frequent one."""
    rest, _, ending = domain.rpartition(".")
    if not rest or _exists(ending):
        return None
    near = [one for one in _ENDINGS if OSA.distance(ending, one, score_cutoff=1) <= 1]
    return f"{rest}.{near[0]}" if near else None


@cache
def _suffixes() -> TLDExtract:
    """The public suffix list as the package ships it: no network, no cache folder."""
    return TLDExtract(suffix_list_urls=(), cache_dir=None)


@lru_cache(4096)
def _exists(ending: str) -> bool:
    """True for an ending of the public tree (com, co.uk) or a reserved one."""
    last = ending.rpartition(".")[2]
    return last in _RESERVED or bool(_suffixes()(f"x.{last}").suffix)


def _is_companys(domain: str, company: str) -> bool:
    """True when the company's name has the domain's in it, or the other way round: it is theirs."""
    name = "".join(words_of(domain.partition(".")[0]))
    spoken = "".join(words_of(company))
    return bool(name) and (name in spoken or spoken in name) and bool(spoken)
