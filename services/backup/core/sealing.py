"""Sealing: files of a set that only the holder of a passphrase can read, or change without being noticed.

The key is made from the passphrase by scrypt (RFC 7914), and each file has its own key from it by HKDF (RFC 5869). A
file is cut into chunks, each sealed by AES-256-GCM with the number of the chunk and a mark on the last one as nonce
(STREAM: Hoang, Reyhanitabar, Rogaway and Vizár, 2015): chunks cannot be changed, exchanged, left out or cut off.
"""

import hmac
import io
from hashlib import sha256
from typing import BinaryIO, Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

CHUNK_BYTES: Final = 64 * 1024
"""What is sealed at once: small enough to hold, and its tag of 16 bytes adds nothing."""

TAG_BYTES: Final = 16
"""What AES-GCM adds to a chunk (NIST SP 800-38D)."""

KEY_BYTES: Final = 32
"""Of AES-256."""

SALT_BYTES: Final = 16
"""No two sets have the same: 128 random bits, as RFC 7914 has them."""

SCRYPT_N: Final = 2**15
"""Work of one guess of the passphrase: 32 MiB and a tenth of a second (n of RFC 7914, with r = 8 and p = 1)."""


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """How a set is sealed, for the manifest: all that is needed besides the passphrase. `check` tells the right one."""

    cipher: str = "aes-256-gcm-stream"
    kdf: str = "scrypt"
    n: int = SCRYPT_N
    r: int = 8
    p: int = 1
    salt: str
    check: str = ""


class Digest(Protocol):
    """A hash that is being taken."""

    def update(self, data: bytes, /) -> None:
        """Take these bytes in."""
        ...

    def hexdigest(self) -> str:
        """The hash of everything taken in."""
        ...


class WrongPassphrase(Exception):
    """This passphrase does not open this set."""


class Key:
    """The key of one set. Its repr shows nothing of it."""

    def __init__(self, passphrase: str, seal: Seal) -> None:
        """Raises WrongPassphrase where the seal knows its passphrase, and this is another."""
        scrypt = Scrypt(salt=bytes.fromhex(seal.salt), length=KEY_BYTES, n=seal.n, r=seal.r, p=seal.p)
        self._key = scrypt.derive(passphrase.encode())
        check = self._of("check").hex()
        if seal.check and not hmac.compare_digest(check, seal.check):
            raise WrongPassphrase
        self.seal = msgspec.structs.replace(seal, check=check)

    def digest(self) -> Digest:
        """A hash of lines that tells nothing to whoever guesses them."""
        return hmac.new(self._of("content"), digestmod=sha256)

    def cipher(self, name: str) -> AESGCM:
        """What seals and opens the file of this name, and no other."""
        return AESGCM(self._of(f"file {name}"))

    def _of(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(self._key)


class Sealing:
    """Bytes in, sealed bytes out."""

    def __init__(self, cipher: AESGCM) -> None:
        self._cipher = cipher
        self._held = bytearray()
        self._chunks = 0

    def put(self, data: bytes) -> bytes:
        """Everything that can be sealed by now; at least one byte is held back, since the last chunk is marked."""
        self._held += data
        sealed = bytearray()
        while len(self._held) > CHUNK_BYTES:
            sealed += self._sealed(bytes(self._held[:CHUNK_BYTES]), last=False)
            del self._held[:CHUNK_BYTES]
        return bytes(sealed)

    def end(self) -> bytes:
        """The last chunk."""
        return self._sealed(bytes(self._held), last=True)

    def _sealed(self, data: bytes, *, last: bool) -> bytes:
        self._chunks += 1
        return self._cipher.encrypt(_nonce(self._chunks, last=last), data, None)


class Opening(io.RawIOBase):
    """A sealed file, to be read. Raises OSError where it is not what was sealed."""

    def __init__(self, file: BinaryIO, cipher: AESGCM) -> None:
        self._file = file
        self._cipher = cipher
        self._chunks = 0
        self._open = b""
        self._next = file.read(CHUNK_BYTES + TAG_BYTES)
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # a buffer is all that io gives
        """The next bytes; 0 at the end."""
        while not self._open and not self._ended:
            self._open = self._opened()
        size = min(len(buffer), len(self._open))
        buffer[:size] = self._open[:size]
        self._open = self._open[size:]
        return size

    def _opened(self) -> bytes:
        sealed, self._next = self._next, self._file.read(CHUNK_BYTES + TAG_BYTES)
        self._ended = not self._next
        self._chunks += 1
        try:
            return self._cipher.decrypt(_nonce(self._chunks, last=self._ended), sealed, None)
        except InvalidTag:
            raise OSError("is not what was sealed") from None


def _nonce(number: int, *, last: bool) -> bytes:
    """Twelve bytes that no other chunk of the file has: its number and whether it is the last."""
    return number.to_bytes(11, "big") + bytes([last])
