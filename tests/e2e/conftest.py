"""A folder for a whole system: short and open enough for the Postgres of the wheel, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def system_folder() -> Iterator[Path]:
    """An empty folder that other users may enter, as Postgres never runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="kontaktwerk-e2e-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
