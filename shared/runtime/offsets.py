"""Offsets: what may be committed once a batch is done with. Pure."""

from collections.abc import Iterable, Mapping

from shared.runtime.broker import Message, TopicPartition


def next_offsets(batch: Iterable[Message]) -> Mapping[TopicPartition, int]:
    """Per partition the offset after the last message of the batch: where the next one starts to read."""
    following: dict[tuple[str, int], int] = {}
    for message in batch:
        place = (message.topic, message.partition)
        if following.get(place, 0) <= message.offset:
            following[place] = message.offset + 1
    return {TopicPartition(*place): offset for place, offset in following.items()}
