"""A small house to plant breaches in."""

from pathlib import Path

import pytest

from tests.architecture import rules


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house in which nothing is wrong."""
    for name in ("services/dedup/core", "services/ingest/core", "shared/runtime/broker", "deploy", "tests"):
        (tmp_path / name).mkdir(parents=True)
    card = "\n".join(f"{word}  …" for word in rules.CARD)
    for service in ("dedup", "ingest"):
        (tmp_path / "services" / service / "__init__.py").write_text(f'"""A service.\n\n{card}\n"""\n', "utf-8")
    return tmp_path
