"""Spool: what Kafka cannot take right now, kept safe on the disk of this machine until it can.

One folder belongs to one process at a time, by a file lock that the kernel takes back whatever happens. In it lie
segments, written from front to back and read likewise. What `append` returned for is synced to the disk and survives
kill -9 at any byte: a frame bears its length and a checksum, and one that was torn was never acknowledged. What is done
with is forgotten segment by segment: after a crash some frames come again, which is harmless by design.
"""

import asyncio
import fcntl
import os
import struct
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

MAGIC: Final = b"\xf5KW1"
"""Begins a frame; the last character is the version. No UTF-8 text holds the first byte."""

SEGMENT_BYTES_MAX: Final = 4 * 1024 * 1024
"""A segment is closed beyond this: at most so much, and one list of records, comes again after a crash."""

CHUNK_BYTES: Final = 512 * 1024
"""Handed out at once: a round trip of Kafka carries some hundred records, and what comes meanwhile waits little."""

_HEAD: Final = struct.Struct("<4sIIQ")
_SUM: Final = struct.Struct("<I")
_SUFFIX: Final = ".spool"
_DAMAGED: Final = ".damaged"


class SpoolFull(Exception):
    """Nothing of it was taken: the limit is reached, or the disk cannot take more. Its text says which."""


class SpoolTaken(Exception):
    """Another process holds this folder."""


class Frame(NamedTuple):
    """One entry: taken whole or not at all. `end` is where the next one begins in its segment."""

    at_ms: int
    messages: int
    payload: bytes
    end: int


def framed(payload: bytes, messages: int, at_ms: int) -> bytes:
    """An entry as it lies on the disk."""
    head = _HEAD.pack(MAGIC, len(payload), messages, at_ms)
    return head + _SUM.pack(zlib.crc32(payload, zlib.crc32(head))) + payload


def frames_of(data: bytes, start: int = 0, bytes_max: int | None = None) -> tuple[list[Frame], bool]:
    """The whole frames from `start` on, until they are `bytes_max` long; and whether one was damaged after it had been
    written. What a kill tore at the end is no damage: it was never acknowledged.
    """
    found: list[Frame] = []
    damaged = False
    at = start
    while at < len(data) and (bytes_max is None or at - start < bytes_max):
        frame = _frame_at(data, at)
        damaged |= frame is None and not _is_torn(data, at)
        while frame is None and (at := data.find(MAGIC, at + 1)) >= 0:
            frame = _frame_at(data, at)
            damaged |= frame is not None
        if frame is None:
            break
        found.append(frame)
        at = frame.end
    return found, damaged


def _frame_at(data: bytes, at: int) -> Frame | None:
    body = at + _HEAD.size + _SUM.size
    if body > len(data):
        return None
    magic, length, messages, at_ms = _HEAD.unpack_from(data, at)
    if magic != MAGIC or body + length > len(data):
        return None
    payload = data[body : body + length]
    if _SUM.unpack_from(data, at + _HEAD.size)[0] != zlib.crc32(payload, zlib.crc32(data[at : at + _HEAD.size])):
        return None
    return Frame(at_ms, messages, payload, body + length)


def _is_torn(data: bytes, at: int) -> bool:
    """True for a frame whose end was never written."""
    if not MAGIC.startswith(data[at : at + len(MAGIC)]):
        return False
    return len(data) < at + _HEAD.size or len(data) < at + _HEAD.size + _SUM.size + _HEAD.unpack_from(data, at)[1]


@dataclass(slots=True, eq=False)
class _Segment:
    """One file. `size` is synced; what lies behind it was never acknowledged."""

    path: Path
    size: int = 0
    position: int = 0
    messages: int = 0
    oldest_ms: int = 0
    damaged: bool = False


class Spool:
    """The spool in one folder; `open` before use."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        self.folder = folder
        self._bytes_max = bytes_max
        self._lock_file = -1
        self._segments: deque[_Segment] = deque()
        self._writing: _Segment | None = None
        self._descriptor = -1
        self._number = 0
        self._claimed = 0
        self._waiting: list[tuple[bytes, int, int, asyncio.Future[None]]] = []
        self._round: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    @property
    def messages(self) -> int:
        """How many messages wait here."""
        return sum(one.messages for one in self._segments)

    @property
    def size(self) -> int:
        """Bytes that they take on the disk."""
        return sum(one.size for one in self._segments)

    @property
    def oldest_ms(self) -> int | None:
        """When the oldest of them came; None for an empty spool."""
        return self._segments[0].oldest_ms if self._segments else None

    @property
    def empty(self) -> bool:
        """True when nothing waits here, nor is being written."""
        return not self._segments and not self._claimed

    @property
    def damaged(self) -> int:
        """Segments in which something acknowledged cannot be read any more; they are kept for people to look at."""
        return sum(one.damaged for one in self._segments) + len(list(self.folder.glob("*" + _DAMAGED)))

    async def open(self) -> None:
        """Take the folder, making it where there is none, and find what a predecessor left. Raises SpoolTaken, and
        OSError where there is no disk to write to.
        """
        await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Let the folder go; what lies in it stays."""
        await (self._round or asyncio.sleep(0))
        async with self._changing:
            self._seal()
        os.close(self._lock_file)

    async def append(self, payload: bytes, messages: int, at_ms: int) -> None:
        """Keep this; it is synced when this returns. Many at once are synced together. Raises SpoolFull."""
        frame = framed(payload, messages, at_ms)
        if self.size + self._claimed + len(frame) > self._bytes_max:
            raise SpoolFull("the limit of the spool is reached")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._claimed += len(frame)
        self._waiting.append((frame, messages, at_ms, done))
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._rounds())
        await done

    async def chunks(self) -> AsyncGenerator[Sequence[Frame]]:
        """What waits, in order, a chunk at a time until nothing is left; each is forgotten when the next is asked for.

        Only one may read at a time. Whoever stops between gets the same chunk again.
        """
        while self._segments:
            segment = self._segments[0]
            frames = await asyncio.to_thread(_read, segment)
            if frames:
                yield frames
            else:
                segment.damaged = True  # the disk has lost it since it was written
            await self._forget(segment, frames)

    async def _rounds(self) -> None:
        while self._waiting:
            handed_in, self._waiting = self._waiting, []
            failure: SpoolFull | None = None
            data = b"".join(frame for frame, *_ in handed_in)
            async with self._changing:
                segment = self._current()
                try:
                    await asyncio.to_thread(self._write, segment, data)
                except OSError as error:
                    failure = SpoolFull(f"the disk does not take it: {os.strerror(error.errno or 0)}")
                    self._seal()
                else:
                    if segment not in self._segments:
                        segment.oldest_ms = handed_in[0][2]
                        self._segments.append(segment)
                    segment.size += len(data)
                    segment.messages += sum(messages for _, messages, _, _ in handed_in)
            self._claimed -= len(data)
            for *_, done in handed_in:
                if done.done():
                    continue  # its caller has gone
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(failure)

    def _current(self) -> _Segment:
        if self._writing is not None and self._writing.size >= SEGMENT_BYTES_MAX:
            self._seal()
        if self._writing is None:
            self._number += 1
            self._writing = _Segment(self.folder / f"{self._number:012}{_SUFFIX}")
        return self._writing

    def _write(self, segment: _Segment, data: bytes) -> None:
        """Write and sync; after an error nothing of it is left, as far as the disk still obeys."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
                _sync_folder(self.folder)
            left = memoryview(data)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fdatasync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, segment.size)
                os.fsync(self._descriptor)
            if not segment.size:
                with suppress(OSError):
                    segment.path.unlink()
            raise

    def _seal(self) -> None:
        """Write no more to the present segment: after an error nobody knows what the system still holds of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._writing = -1, None

    async def _forget(self, segment: _Segment, frames: Sequence[Frame]) -> None:
        """These frames are done with; a segment that is through goes, or is put aside for people to look at."""
        async with self._changing:
            segment.position = frames[-1].end if frames else segment.size
            segment.messages -= sum(frame.messages for frame in frames)
            segment.oldest_ms = frames[-1].at_ms if frames else segment.oldest_ms
            if segment.position < segment.size:
                return
            self._segments.popleft()
            if segment is self._writing:
                self._seal()
            await asyncio.to_thread(_put_away, segment)

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_file)
            raise SpoolTaken(self.folder.name) from None
        for path in sorted(self.folder.glob("*" + _SUFFIX)):
            self._number = int(path.stem)
            segment = _Segment(path)
            frames, segment.damaged = frames_of(path.read_bytes())
            if not frames:
                _put_away(segment)
                continue
            segment.size, segment.oldest_ms = frames[-1].end, frames[0].at_ms
            segment.messages = sum(frame.messages for frame in frames)
            self._segments.append(segment)


def has_left(folder: Path) -> bool:
    """True for a folder in which somebody has left something to be brought to Kafka."""
    return any(folder.glob("*" + _SUFFIX))


def _read(segment: _Segment) -> list[Frame]:
    return frames_of(segment.path.read_bytes()[: segment.size], segment.position, CHUNK_BYTES)[0]


def _put_away(segment: _Segment) -> None:
    segment.path.rename(segment.path.with_suffix(_DAMAGED)) if segment.damaged else segment.path.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(descriptor)
    os.close(descriptor)
