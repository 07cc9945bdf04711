"""A data folder keeps what must stay the same, and refuses what could not work, in words that help."""

import socket
import stat
from pathlib import Path

import pytest

from deploy.local.errors import CannotRunError
from deploy.local.folder import FIRST_PORT, LAST_PORT, LOOPBACK, DataFolder


def test_ports_stay_the_same_and_lie_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    first = DataFolder(tmp_path / "data")
    ports = [first.port("kafka"), first.port("postgres")]
    again = DataFolder(tmp_path / "data")
    assert [again.port("kafka"), again.port("postgres")] == ports
    assert len(set(ports)) == 2
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)


def test_a_port_that_somebody_took_meanwhile_is_replaced(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    port = folder.port("kafka")
    with socket.socket() as somebody:
        somebody.bind((LOOPBACK, port))
        somebody.listen()
        assert folder.port("kafka") != port


def test_secrets_are_kept_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    assert folder.secret("postgres") == DataFolder(tmp_path / "data").secret("postgres")
    assert folder.secret("postgres") != folder.secret("token")
    assert stat.S_IMODE((folder.run / "postgres.secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.run.stat().st_mode) == stat.S_IMODE(folder.logs.stat().st_mode) == 0o700


def test_one_folder_is_held_by_one_only(tmp_path: Path) -> None:
    with (
        DataFolder(tmp_path / "data").locked(),
        pytest.raises(CannotRunError, match="another kontaktwerk is running"),
        DataFolder(tmp_path / "data").locked(),
    ):
        pass
    with DataFolder(tmp_path / "data").locked():
        pass


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("a\nb", "control character"),
        ("\udcff", "not UTF-8"),
        ("d/" * 2_000, "bytes, at most"),
        ("file/below", "cannot use"),
    ],
)
def test_a_path_that_cannot_work_is_refused_with_a_word(tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRunError, match=word):
        DataFolder(tmp_path / name)


def test_a_link_and_its_target_are_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "data")
    DataFolder(tmp_path / "data")
    assert DataFolder(tmp_path / "link").path == DataFolder(tmp_path / "data").path
