"""Kafka's jars are believed by their hash alone, and a cache filled beforehand needs no network."""

from pathlib import Path

import pytest

from deploy.local.errors import CannotRunError
from deploy.local.jars import cache_folder, class_path, locked_jars


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that somebody filled beforehand, on a machine that reaches no registry."""
    class_path()
    for jar in locked_jars():
        (tmp_path / jar.filename).symlink_to(cache_folder() / jar.filename)
    monkeypatch.setenv("KONTAKTWERK_JAR_CACHE", str(tmp_path))
    for variable in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    return tmp_path


def test_a_filled_cache_needs_no_network(filled: Path) -> None:
    said = list[str]()
    paths = class_path(said.append).split(":")
    assert len(paths) == len(locked_jars())
    assert str(filled / "kafka-clients-4.3.1.jar") in paths
    assert said == []


def test_a_damaged_jar_is_not_used_and_the_error_says_what_to_do(filled: Path) -> None:
    damaged = filled / "kafka-clients-4.3.1.jar"
    damaged.unlink()
    damaged.write_bytes(b"not what we locked")
    with pytest.raises(CannotRunError, match="KONTAKTWERK_JAR_CACHE"):
        class_path()
