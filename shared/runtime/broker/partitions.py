"""Which partition a key belongs to: Kafka's default, so that anybody's client finds our messages. Pure.

The hash is MurmurHash2 (A. Appleby) in 32 bits with the seed of `org.apache.kafka.common.utils.Utils.murmur2`.
"""

import struct
from typing import Final

_SEED: Final = 0x9747_B28C
_M: Final = 0x5BD1_E995
_MASK: Final = 0xFFFF_FFFF


def partition_of(key: bytes | None, partitions: int) -> int:
    """The partition of a key among so many; a message without a key lies in partition 0."""
    return 0 if key is None else (murmur2(key) & 0x7FFF_FFFF) % partitions


def murmur2(data: bytes) -> int:
    """The hash as an unsigned number of 32 bits."""
    length = len(data)
    words = length // 4
    h = _SEED ^ length
    for k in struct.unpack_from(f"<{words}I", data):
        k = k * _M & _MASK  # noqa: PLW2901 (the algorithm's own words)
        k = (k ^ k >> 24) * _M & _MASK  # noqa: PLW2901
        h = (h * _M & _MASK) ^ k
    rest = data[words * 4 :]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15
