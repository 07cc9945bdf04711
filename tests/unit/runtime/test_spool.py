"""What the spool promises: what was acknowledged is read again, in order, whatever happened to the file's end."""

import asyncio
import resource
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime import spool as ours
from shared.runtime.spool import Spool, SpoolFull, SpoolTaken, framed, frames_of, has_left

MIB = 1024 * 1024

PAYLOADS = [b"", b"a", b"anna@example.org" * 9, ours.MAGIC * 3, bytes(range(256))]


async def opened(folder: Path, bytes_max: int = MIB) -> Spool:
    spool = Spool(folder, bytes_max)
    await spool.open()
    return spool


async def emptied(spool: Spool) -> list[bytes]:
    """Everything that waits, in order; forgotten thereby."""
    async with aclosing(spool.chunks()) as chunks:
        return [frame.payload async for frames in chunks for frame in frames]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


def payloads(data: bytes) -> list[bytes]:
    return [frame.payload for frame in frames_of(data)[0]]


@contextmanager
def files_at_most(size: int) -> Generator[None]:
    """A system that lets no file of this process grow beyond this: what a full disk does, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_torn_at_any_byte_all_whole_frames_before_are_read_and_none_else() -> None:
    frames = [framed(payload, 1, 7) for payload in PAYLOADS]
    data = b"".join(frames)
    ends = [sum(map(len, frames[: number + 1])) for number in range(len(frames))]
    for torn in range(len(data) + 1):
        whole = sum(end <= torn for end in ends)
        found, damaged = frames_of(data[:torn])
        assert [frame.payload for frame in found] == PAYLOADS[:whole]
        assert not damaged, f"cut off at {torn}: a kill is no damage"


def test_a_byte_that_rots_anywhere_costs_one_frame_and_is_seen() -> None:
    frames = [framed(payload, 1, 7) for payload in PAYLOADS]
    data = b"".join(frames)
    place = 0
    for number, frame in enumerate(frames):
        for at in range(place, place + len(frame)):
            rotten = data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]
            found, damaged = frames_of(rotten)
            assert [one.payload for one in found] == PAYLOADS[:number] + PAYLOADS[number + 1 :]
            last = number == len(frames) - 1
            assert damaged or last, f"byte {at} of frame {number} passed unseen"
        place += len(frame)


@given(st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=400))
def test_whatever_stands_behind_them_the_whole_frames_are_read(said: list[bytes], tail: bytes) -> None:
    data = b"".join(framed(one, 1, 7) for one in said)
    assert payloads(data + tail)[: len(said)] == said


async def test_what_was_appended_is_read_in_order_and_then_forgotten(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    await asyncio.gather(*(spool.append(b"%d" % number, 2, number) for number in range(500)))
    assert (spool.messages, spool.oldest_ms, spool.empty) == (1_000, 0, False)
    assert await emptied(spool) == [b"%d" % number for number in range(500)]
    assert (spool.messages, spool.size, spool.oldest_ms, spool.empty) == (0, 0, None, True)
    assert not has_left(tmp_path)
    await spool.append(b"later", 1, 9)
    assert await emptied(spool) == [b"later"]
    await spool.close()


async def test_a_successor_finds_what_a_killed_process_left_and_goes_on_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "SEGMENT_BYTES_MAX", 400)
    first = await opened(tmp_path)
    for number in range(50):
        await first.append(b"%d" % number * 20, 1, number)
    await first.close()
    last = segments(tmp_path)[-1]
    last.write_bytes(last.read_bytes() + framed(b"torn", 1, 99)[:-1])
    second = await opened(tmp_path)
    assert (second.messages, second.damaged) == (50, 0)
    await second.append(b"new", 1, 100)
    assert await emptied(second) == [*(b"%d" % number * 20 for number in range(50)), b"new"]
    await second.close()


async def test_a_chunk_whose_reader_failed_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "CHUNK_BYTES", 100)
    spool = await opened(tmp_path)
    for number in range(20):
        await spool.append(b"%d" % number * 30, 1, number)
    seen: list[bytes] = []
    failed: list[bytes] = []
    async with aclosing(spool.chunks()) as chunks:
        async for frames in chunks:
            seen += [frame.payload for frame in frames]
            if len(seen) > 5:
                failed = [frame.payload for frame in frames]
                break
    again = await emptied(spool)
    assert again[: len(failed)] == failed
    assert seen[: -len(failed)] + again == [b"%d" % number * 30 for number in range(20)]
    await spool.close()


async def test_beyond_its_limit_nothing_is_taken_and_what_was_taken_stays(tmp_path: Path) -> None:
    spool = await opened(tmp_path, bytes_max=2_000)
    taken = await asyncio.gather(*(spool.append(b"x" * 100, 1, 1) for _ in range(50)), return_exceptions=True)
    refused = [one for one in taken if isinstance(one, SpoolFull)]
    assert 0 < len(refused) < 50
    assert spool.size <= 2_000
    assert len(await emptied(spool)) == 50 - len(refused)
    await spool.append(b"there is room again", 1, 1)
    await spool.close()


async def test_a_disk_that_is_full_in_the_middle_of_a_write_leaves_nothing_half_acknowledged(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    await spool.append(b"a" * 3_000, 1, 1)
    with files_at_most(4_096):
        with pytest.raises(SpoolFull, match="too large"):
            await spool.append(b"b" * 3_000, 1, 2)
        await spool.append(b"c" * 100, 1, 3)
    await spool.append(b"d" * 3_000, 1, 4)
    await spool.close()
    successor = await opened(tmp_path)
    assert await emptied(successor) == [b"a" * 3_000, b"c" * 100, b"d" * 3_000]
    assert successor.damaged == 0
    await successor.close()


async def test_what_rots_on_the_disk_is_told_and_kept_for_people_to_look_at(tmp_path: Path) -> None:
    spool = await opened(tmp_path)
    for number in range(3):
        await spool.append(b"%d" % number * 50, 1, number)
    await spool.close()
    (segment,) = segments(tmp_path)
    data = bytearray(segment.read_bytes())
    data[100] ^= 1
    segment.write_bytes(data)
    successor = await opened(tmp_path)
    assert successor.damaged == 1
    assert await emptied(successor) == [b"0" * 50, b"2" * 50]
    assert (successor.damaged, successor.empty, has_left(tmp_path)) == (1, True, False)
    await successor.close()


async def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    with pytest.raises(SpoolTaken):
        await opened(tmp_path)
    await first.close()
    await (await opened(tmp_path)).close()


async def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path) -> None:
    spool = await opened(tmp_path / "spool")
    await spool.append(b"anna", 1, 1)
    modes = [path.stat().st_mode & 0o077 for path in (tmp_path / "spool", *(tmp_path / "spool").iterdir())]
    assert modes == [0] * 3
    await spool.close()
