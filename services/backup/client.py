"""The outside of backup: folders that hold sets. A set is written under another name and renamed when it is whole, so a
backup that was killed is never taken for one.
"""

import io
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec
import zstandard

from services.backup.core.sealing import SALT_BYTES, Digest, Key, Opening, Seal, Sealing, WrongPassphrase
from services.backup.core.sets import MANIFEST, SEALED, SUFFIX, Damaged, File, Manifest, manifest_of, time_in

PARTIAL: Final = ".partial"
"""Ends the name of a set that is being written."""

LEVEL: Final = 6
"""Zstandard level of files that are written once and kept for months: a tenth smaller than the default level 3."""

READ_BYTES: Final = 1024 * 1024
"""As much is read from a file at once."""

LINE_BYTES_MAX: Final = 4 * 1024 * 1024
"""No line is longer: a row holds one message of at most 512 KiB, escaped."""


class Unreachable(Exception):
    """The folder cannot be used; the text says why."""


def folder_of(address: str) -> Path:
    """The folder of an address: `file:///path`, `file:path` or a plain path. Raises Unreachable for any other."""
    scheme, colon, rest = address.partition(":")
    if colon and scheme == "file":
        return Path(rest.removeprefix("//"))
    if colon and len(scheme) > 1 and "/" not in scheme:
        raise Unreachable(f"addresses of kind {scheme}: are not served; name a folder")
    return Path(address)


def newest(address: str) -> Path:
    """The set at an address: itself where it is one, else the newest in the folder. Raises Unreachable."""
    folder = folder_of(address)
    if (folder / MANIFEST).is_file():
        return folder
    found = sets_in(folder)
    if not found:
        raise Unreachable("there is no backup at this address")
    return found[-1]


def sets_in(folder: Path) -> list[Path]:
    """The whole sets in a folder, oldest first."""
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise Unreachable(f"the folder cannot be read ({type(error).__name__})") from None
    return [path for path in inside if time_in(path.name) and (path / MANIFEST).is_file()]


def remove(path: Path) -> None:
    """Remove a set: it stops being one before its files go."""
    (path / MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


class Writing:
    """A set that is being written, sealed where there is a passphrase; what an earlier attempt of the same name left is
    removed. Raises Unreachable.
    """

    def __init__(self, address: str, name: str, passphrase: str | None = None) -> None:
        salt = secrets.token_bytes(SALT_BYTES).hex()
        self.key = None if passphrase is None else Key(passphrase, Seal(salt=salt))
        self._folder = folder_of(address)
        self._path = self._folder / f".{name}{PARTIAL}"
        self._name = name
        try:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise Unreachable(f"the folder cannot be written ({type(error).__name__})") from None

    def table(self, name: str) -> "TableFile":
        """The file of a table."""
        return TableFile(self._path / f"{name}{SUFFIX}{SEALED if self.key else ''}", name, self.key)

    def finish(self, manifest: Manifest) -> Path:
        """Write the manifest and give the set its name: from now on it is one."""
        with (self._path / MANIFEST).open("wb") as file:
            file.write(manifest.encoded())
            _sync(file)
        _sync_folder(self._path)
        path = self._folder / self._name
        if path.exists():
            remove(path)  # the same run, by a process that died before it could say so
        self._path.rename(path)
        _sync_folder(self._folder)
        return path


class TableFile:
    """One file of a set while it is written: lines in, hashes out."""

    def __init__(self, path: Path, table: str, key: Key | None) -> None:
        self._table = table
        self._sealing = None if key is None else Sealing(key.cipher(path.name))
        self._file = path.open("wb")
        self._name = path.name
        self._stream = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._sha256, self._content = sha256(), content_of(key)
        self._rows = self._bytes = 0

    def write(self, lines: Sequence[bytes]) -> None:
        """Append lines, without their line breaks."""
        data = b"".join([line + b"\n" for line in lines])
        self._content.update(data)
        self._rows += len(lines)
        self._put(self._stream.compress(data))

    def close(self) -> File:
        """Finish the file, durably; what the manifest says of it."""
        self._put(self._stream.flush())
        if self._sealing is not None:
            self._append(self._sealing.end())
        _sync(self._file)
        self._file.close()
        return File(
            table=self._table,
            name=self._name,
            rows=self._rows,
            bytes=self._bytes,
            sha256=self._sha256.hexdigest(),
            content=self._content.hexdigest(),
        )

    def _put(self, data: bytes) -> None:
        self._append(data if self._sealing is None else self._sealing.put(data))

    def _append(self, data: bytes) -> None:
        self._sha256.update(data)
        self._bytes += self._file.write(data)


def manifest_at(path: Path) -> Manifest:
    """The manifest of a set. Raises Damaged and Unreachable."""
    try:
        return manifest_of((path / MANIFEST).read_bytes())
    except OSError as error:
        raise Unreachable(f"the manifest cannot be read ({type(error).__name__})") from None


def content_of(key: Key | None) -> Digest:
    """What the lines of a table are hashed with."""
    return sha256() if key is None else key.digest()


class Reading:
    """A set to read from. Raises Damaged where its manifest is not what was written; Unreachable without one, and for a
    sealed set without its passphrase.
    """

    def __init__(self, path: Path, passphrase: str | None = None) -> None:
        self.path = path
        self.manifest = manifest_at(path)
        self.key = _key_of(self.manifest, passphrase)

    def faults(self) -> list[str]:
        """The files that are not what was written, each with its fault."""
        return [fault for file in self.manifest.files if (fault := self._fault(file)) is not None]

    def _fault(self, file: File) -> str | None:
        try:
            with (self.path / file.name).open("rb") as data:
                found = file_digest(data, "sha256")
        except OSError as error:
            return f"{file.name}: cannot be read ({type(error).__name__})"
        return None if found.hexdigest() == file.sha256 else f"{file.name}: is not as it was written"

    def lines(self, table: str, number: int) -> Iterator[list[bytes]]:
        """The lines of a table, at most so many at once. Raises Damaged where they cannot be read."""
        file = next(one for one in self.manifest.files if one.table == table)
        try:
            with (
                (self.path / file.name).open("rb") as written,
                self._opened(written, file.name) as packed,
                zstandard.ZstdDecompressor().stream_reader(packed) as stream,
                io.BufferedReader(stream, READ_BYTES) as buffered,
            ):
                some: list[bytes] = []
                for line in iter(partial(buffered.readline, LINE_BYTES_MAX), b""):
                    some.append(line.rstrip(b"\n"))
                    if len(some) == number:
                        yield some
                        some = []
                if some:
                    yield some
        except (OSError, zstandard.ZstdError) as error:
            raise Damaged(f"{file.name}: cannot be read ({type(error).__name__})") from None

    def _opened(self, file: BinaryIO, name: str) -> BinaryIO:
        return file if self.key is None else cast(BinaryIO, Opening(file, self.key.cipher(name)))


def _key_of(manifest: Manifest, passphrase: str | None) -> Key | None:
    if manifest.seal is msgspec.UNSET:
        return None
    if passphrase is None:
        raise Unreachable("this set is sealed: give the service KONTAKTWERK_BACKUP_PASSPHRASE")
    try:
        return Key(passphrase, manifest.seal)
    except WrongPassphrase:
        raise Unreachable("this set is sealed with another passphrase") from None


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
