import json
from pathlib import Path

import pytest

from shared.commands.running import Failed, Kafka, Running

FILE = {
    "http": "http://127.0.0.1:8000",
    "kafka": "127.0.0.1:9000",
    "database": "postgresql://here/db",
    "tokens": {"sender": "s", "operator": "o"},
    "pids": {"dedup": [7], "kafka": 8},
}


def _folder(path: Path) -> Path:
    (path / "endpoints.json").write_text(json.dumps(FILE))
    return path


def test_a_named_folder_goes_before_the_environment(tmp_path: Path) -> None:
    running = Running(_folder(tmp_path), {"KONTAKTWERK_URL": "http://else", "DATABASE_URL": "postgresql://else/db"})
    assert running.http() == FILE["http"]
    assert running.database() == FILE["database"]
    assert running.kafka() == Kafka("127.0.0.1:9000", embedded=True)


def test_without_a_folder_the_environment_tells() -> None:
    running = Running(
        None, {"KONTAKTWERK_URL": "http://else/", "KONTAKTWERK_TOKEN": "t", "KAFKA_BOOTSTRAP_SERVERS": "k:1"}
    )
    assert (running.http(), running.token("reader"), running.kafka()) == (
        "http://else",
        "t",
        Kafka("k:1", embedded=False),
    )


def test_the_smallest_role_that_there_is_is_taken(tmp_path: Path) -> None:
    assert Running(_folder(tmp_path)).token("reader", "operator") == "o"
    with pytest.raises(Failed, match="no token of role privacy"):
        Running(tmp_path).token("privacy")


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "endpoints.json").write_text(content)
    with pytest.raises(Failed, match="cannot be read"):
        Running(tmp_path).http()
