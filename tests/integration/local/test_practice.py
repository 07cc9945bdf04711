"""Kafka's start is practised once; whatever goes wrong with that, Kafka starts as it would without."""

import fcntl
from pathlib import Path

import psutil

from deploy.local.errors import CannotRunError
from deploy.local.folder import DataFolder
from deploy.local.kafka import Kafka
from deploy.local.practice import practised

COMMAND = ["java", "-cp", "kafka.jar"]
OUTPUT = "-XX:AOTCacheOutput="


def unheard(_: str) -> None:
    """What is said here, nobody reads."""


class Practice:
    """Notes how often it was asked for, and leaves what Java would."""

    def __init__(self, *, fails: bool = False) -> None:
        self.count = 0
        self._fails = fails

    def __call__(self, learning: str) -> None:
        self.count += 1
        if self._fails:
            raise CannotRunError("no room")
        Path(learning.removeprefix(OUTPUT)).write_bytes(b"learned")


def test_a_start_is_practised_once_and_known_ever_after(tmp_path: Path) -> None:
    practice, said = Practice(), list[str]()
    first = practised(tmp_path, COMMAND, practice, said.append)
    again = practised(tmp_path, COMMAND, practice, said.append)
    assert practice.count == len(said) == 1
    assert first == again
    assert Path(first[0].removeprefix("-XX:AOTCache=")).read_bytes() == b"learned"


def test_another_java_or_other_jars_are_practised_anew(tmp_path: Path) -> None:
    practice = Practice()
    one = practised(tmp_path, COMMAND, practice, unheard)
    other = practised(tmp_path, [*COMMAND, "-Xmx1g"], practice, unheard)
    assert practice.count == len({one, other}) == 2


def test_what_cannot_be_practised_is_not_tried_again_and_stops_nobody(tmp_path: Path) -> None:
    practice = Practice(fails=True)
    assert practised(tmp_path, COMMAND, practice, unheard) == ()
    assert practised(tmp_path, COMMAND, practice, unheard) == ()
    assert practice.count == 1


def test_while_another_process_practises_this_one_starts_without(tmp_path: Path) -> None:
    practice = Practice()
    cache = Path(practised(tmp_path, COMMAND, practice, unheard)[0].removeprefix("-XX:AOTCache="))
    cache.unlink()
    with cache.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert practised(tmp_path, COMMAND, practice, unheard) == ()
    assert practice.count == 1


def test_a_folder_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    assert practised(tmp_path / "missing", COMMAND, Practice(), unheard) == ()


def test_kafka_starts_by_what_was_practised(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with folder.locked():
        kafka = Kafka(folder)
        try:
            kafka.start()
            assert kafka.process is not None
            command = psutil.Process(kafka.process.pid).cmdline()
            [cache] = [one.removeprefix("-XX:AOTCache=") for one in command if one.startswith("-XX:AOTCache=")]
            mapped = {one.path for one in psutil.Process(kafka.process.pid).memory_maps()}
            assert cache in mapped, "Java uses it, and has not refused it"
        finally:
            kafka.stop()
