"""Revising: which parts of a configuration change what contacts look like, so that all must be said again."""

import msgspec

from shared.domain.configuration import Auth, Budget, Configuration, Provider, Rule, Source

PARTS = ("sources", "fields", "rules", "providers")
"""What a clean contact rests on. Channels, templates and what is done by the clock are looked up when they are used."""


def concerns(before: Configuration | None, after: Configuration) -> tuple[str, ...]:
    """The parts by which contacts may come out otherwise than before; all of them where nothing is known of before.

    What only changes how deliveries are read, how often providers are asked, or by which tests rules are tried,
    concerns nobody who is clean already.
    """
    if before is None:
        return PARTS
    was, will = _faces(before), _faces(after)
    return tuple(part for part in PARTS if was[part] != will[part])


def _faces(configuration: Configuration) -> dict[str, object]:
    return {
        "sources": {name: _weight(source) for name, source in configuration.sources.items()},
        "fields": configuration.fields,
        "rules": [_law(rule) for rule in configuration.rules],
        "providers": {name: _knowledge(provider) for name, provider in configuration.providers.items()},
    }


def _weight(source: Source) -> tuple[object, ...]:
    return source.trust, source.country, source.language


def _law(rule: Rule) -> Rule:
    return msgspec.structs.replace(rule, tests=(), delivery="at-least-once")


def _knowledge(provider: Provider) -> Provider:
    """Whom it is asked about and what it fills; not how it is reached, how often, or with which key."""
    return msgspec.structs.replace(
        provider, url="", method="GET", body=None, auth=Auth(), rate="", budget=Budget(), timeout="", ttl="",
        negative_ttl="",
    )  # fmt: skip
