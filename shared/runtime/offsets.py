"""Offsets: what may be committed once a batch is done with. Pure."""

from collections.abc import Iterable, Mapping

from shared.runtime.broker import Message, TopicPartition


def next_offsets(batch: Iterable[Message]) -> Mapping[TopicPartition, int]:
    """Per partition the offset after the last message of the batch: where the next one starts to read."""
    following: dict[TopicPartition, int] = {}
    for message in batch:
        following[message.position] = max(following.get(message.position, 0), message.offset + 1)
    return following
