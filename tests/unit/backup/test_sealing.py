"""Sealing: what was sealed comes back, and nothing else does: no changed, exchanged, missing or foreign chunk."""

import io
from collections.abc import Callable

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


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data[:-1],
        lambda data: data[:SEALED_CHUNK],
        lambda data: data[SEALED_CHUNK:],
        lambda data: data[SEALED_CHUNK : 2 * SEALED_CHUNK] + data[:SEALED_CHUNK] + data[2 * SEALED_CHUNK :],
        lambda data: data + data[:SEALED_CHUNK],
        lambda data: b"",
    ],
    ids=["first byte", "last byte", "cut", "chunks cut off", "chunk left out", "exchanged", "appended", "empty"],
)
def test_whatever_is_changed_is_noticed(harm: Callable[[bytes], bytes]) -> None:
    with pytest.raises(OSError, match="not what was sealed"):
        opened(harm(sealed([THREE_CHUNKS])))


def test_one_file_cannot_stand_for_another() -> None:
    with pytest.raises(OSError, match="not what was sealed"):
        opened(sealed([b"of the archive"]), "version")


def test_another_passphrase_is_told_from_the_right_one_by_the_seal_alone() -> None:
    assert Key("a long passphrase", KEY.seal).seal == KEY.seal
    with pytest.raises(WrongPassphrase):
        Key("another passphrase", KEY.seal)
