"""These tests need a Docker engine and minutes: `make test-containers` asks for them, `make test` leaves them out."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("TEST_STACK") == "containers" else ["test_*.py"]


@pytest.fixture
def system_folder() -> Iterator[Path]:
    """An empty folder for an `up` to compare with, which other users may enter, as Postgres never runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="kontaktwerk-containers-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
