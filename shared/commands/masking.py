"""Masking: what may be seen of a message by whoever watches: ids, codes, times and counts, and of a person nothing."""

from typing import Any, Final

MASK: Final = "•••"

_WORDS: Final = """
    contact_id version kind created_at updated_at cause id source by changed status preferred path code severity why
    from score completeness categories segments reasons last_activity_at record_id records_total merged_from reason
    outcome event_id decisions merged_into merged_into_version at into rule review_id purpose channel since until
    received_at observed_at confidence interaction_id type import_id records quality findings provenance priority
    suggestions consents contact country language timezone former unreadable_bytes
"""
PLAIN: Final = frozenset(_WORDS.split())
"""Keys whose texts are ids, codes, times or words of ours; everything else is taken for a person's."""


def masked(value: Any, *, plain: bool = True) -> Any:
    """The same shape with every text masked that may belong to a person; numbers under unknown keys too."""
    if isinstance(value, dict):
        return {key: masked(inner, plain=key in PLAIN or key.startswith("/")) for key, inner in value.items()}
    if isinstance(value, list):
        return [masked(inner, plain=plain) for inner in value]
    if value is None or isinstance(value, bool) or plain:
        return value
    return MASK
