"""`config check`: the configuration before it is used."""

from pathlib import Path
from typing import Any

from shared.commands.running import Failed
from shared.domain.configuration import Configuration
from shared.runtime.configuration import Misconfigured, load


def read(folder: Path) -> Configuration:
    """The files in `folder`. Raises Failed naming file, place and remedy."""
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder")
    try:
        return load(folder)
    except Misconfigured as error:
        raise Failed(str(error)) from None


def described(configuration: Configuration) -> dict[str, Any]:
    """What is configured, as names."""
    return {
        "digest": configuration.digest,
        "sources": sorted(configuration.sources),
        "purposes": sorted(configuration.fields.required),
        "rules": [rule.name for rule in configuration.rules],
    }
