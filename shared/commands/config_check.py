"""`config check`: the configuration before it is used."""

from pathlib import Path
from typing import Any

from shared.commands.running import Failed
from shared.runtime.configuration import Misconfigured, load


def run(folder: Path) -> dict[str, Any]:
    """What the files in `folder` configure, as counts and names. Raises Failed naming file, place and remedy."""
    if not folder.is_dir():
        raise Failed(f"{folder} is no folder")
    try:
        configuration = load(folder)
    except Misconfigured as error:
        raise Failed(str(error)) from None
    return {
        "folder": str(folder),
        "digest": configuration.digest,
        "sources": sorted(configuration.sources),
        "purposes": sorted(configuration.fields.required),
        "rules": [rule.name for rule in configuration.rules],
    }
