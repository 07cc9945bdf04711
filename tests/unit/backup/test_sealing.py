"""Sealing: what was sealed comes back, and nothing else does: no changed, exchanged, missing or foreign chunk."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backup.core.sealing import CHUNK_BYTES, TAG_BYTES, Key, Opening, Seal, Sealing, WrongPassphrase

SEAL = Seal(salt="00" * 16, n=16)
KEY = Key("a long passphrase", SEAL)
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
THREE_CHUNKS = bytes(range(256)) * 600


def sealed(pieces: list[bytes], name: str = "archive") -> bytes:
    sealing = Sealing(KEY.cipher(name))
    return b"".join([sealing.put(piece) for piece in pieces]) + sealing.end()


def opened(data: bytes, name: str = "archive") -> bytes:
    return io.BufferedReader(Opening(io.BytesIO(data), KEY.cipher(name))).read()


SIZES = st.sampled_from([0, 1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])


@given(st.lists(SIZES.map(lambda size: b"x" * size), max_size=4))
def test_what_was_sealed_in_any_pieces_comes_back(pieces: list[bytes]) -> None:
    assert opened(sealed(pieces)) == b"".join(pieces)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def chunks(data: bytes) -> list[bytes]:
    return [data[start : start + SEALED_CHUNK] for start in range(0, len(data), SEALED_CHUNK)]


WHOLE = sealed([THREE_CHUNKS])
ONE, TWO, THREE = chunks(WHOLE)
HARMED = {
    "first byte": flipped(WHOLE, 0), "last byte": flipped(WHOLE, len(WHOLE) - 1), "cut": WHOLE[:-1],
    "chunks cut off": ONE, "chunk left out": TWO + THREE, "exchanged": TWO + ONE + THREE, "appended": WHOLE + ONE,
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("harmed", HARMED.values(), ids=HARMED.keys())
def test_whatever_is_changed_is_noticed(harmed: bytes) -> None:
    with pytest.raises(OSError, match="not what was sealed"):
        opened(harmed)


def test_one_file_cannot_stand_for_another() -> None:
    with pytest.raises(OSError, match="not what was sealed"):
        opened(sealed([b"of the archive"]), "version")


def test_another_passphrase_is_told_from_the_right_one_by_the_seal_alone() -> None:
    assert Key("a long passphrase", KEY.seal).seal == KEY.seal
    with pytest.raises(WrongPassphrase):
        Key("another passphrase", KEY.seal)
