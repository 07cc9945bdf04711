"""Countries: from what people write, in German or English, to ISO 3166-1 alpha-2."""

from functools import cache, lru_cache

from shared.domain.tables import mapping
from shared.domain.text import words_of


@cache
def _codes() -> dict[str, str]:
    by_name = {name: code for code, names in mapping("countries").items() for name in names}
    return by_name | {code.lower(): code for code in mapping("countries")}


@lru_cache(4096)
def country_code(text: str | None) -> str | None:
    """The alpha-2 code of a country as somebody wrote it (code, German or English name), or None if none is meant."""
    return _codes().get(" ".join(words_of(text))) if text else None
