"""Kafka's jars: fetched once from Maven Central, kept in a cache, and believed only by their SHA-256."""

import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.errors import CannotRunError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK = Path(__file__).with_name("kafka-jars.lock")
ENDPOINT = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:1.7.36"
KAFKA_VERSION = "4.3.1"

DOWNLOADS_AT_ONCE = 6
"""46 small files: waiting dominates; more would be rude to a public registry."""

DOWNLOAD_TIMEOUT_S = 60
"""The largest jar has 8 MB; slower than this is a broken line."""


@dataclass(frozen=True)
class Jar:
    """One locked jar."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def locked_jars() -> list[Jar]:
    """The jars of the lock file."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return [_parsed(line) for line in lines if line and not line.startswith("#")]


def _parsed(line: str) -> Jar:
    sha256, coordinates = line.split()
    group, artifact, version = coordinates.split(":")
    return Jar(sha256, group, artifact, version)


def cache_folder() -> Path:
    """KONTAKTWERK_JAR_CACHE, else in the user's cache; may be filled beforehand, flat, with artifact-version.jar."""
    named = os.environ.get("KONTAKTWERK_JAR_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named).absolute() if named else base / "kontaktwerk" / "kafka"


def class_path(say: Callable[[str], None] = lambda _: None) -> str:
    """The class path of Kafka; fetches what is missing or damaged in the cache. Raises CannotRunError."""
    cache = cache_folder()
    if os.pathsep in str(cache):
        raise CannotRunError(
            f"Java cannot read a class path with {os.pathsep!r} in it: {cache}; set KONTAKTWERK_JAR_CACHE"
        )
    jars = locked_jars()
    missing = [jar for jar in jars if not _intact(cache / jar.filename, jar)]
    if missing:
        say(f"fetching {len(missing)} jars of Apache Kafka {KAFKA_VERSION} into {cache}")
        _fetch_all(missing, cache)
    return os.pathsep.join(str(cache / jar.filename) for jar in jars)


def _intact(file: Path, jar: Jar) -> bool:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == jar.sha256
    except OSError:
        return False


def _fetch_all(jars: Sequence[Jar], cache: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR, which nobody here uses
        from jgo.maven import MavenContext  # noqa: PLC0415 - half a second, for the first start only
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as draft:
            context = MavenContext(repo_cache=Path(draft), timeout=DOWNLOAD_TIMEOUT_S)
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                list(pool.map(partial(_fetch, context=context, cache=cache), jars))
    except OSError as error:
        raise CannotRunError(
            f"cannot fetch Kafka's jars into {cache}: {error}. Without network, copy the files named in {LOCK} there "
            "(artifact-version.jar) or point KONTAKTWERK_JAR_CACHE at a folder that has them."
        ) from error


def _fetch(jar: Jar, context: "MavenContext", cache: Path) -> None:
    try:
        file = Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
    except (RuntimeError, ValueError) as error:
        raise OSError(f"{jar.filename}: {error}") from error
    if not _intact(file, jar):
        raise CannotRunError(f"{jar.filename} is not the file of {LOCK.name}: its SHA-256 differs; refused")
    shutil.move(file, cache / jar.filename)


def relock() -> str:
    """The lock file's text for ENDPOINT as the registry answers today."""
    from jgo import resolve  # noqa: PLC0415 - see _fetch_all

    lines = [
        f"{hashlib.sha256(Path(artifact.resolve()).read_bytes()).hexdigest()} "
        f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        for artifact in resolve(ENDPOINT)
    ]
    head = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    return "\n".join([*head, *sorted(lines, key=lambda line: line.split()[1])]) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--relock"]:
        LOCK.write_text(relock(), encoding="utf-8")
    else:
        print(class_path(partial(print, file=sys.stderr)))
