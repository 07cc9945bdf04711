"""Hearing: whether what our own topic says of a contact came too late, and has to be overwritten with the present.

A message older than its row is ordinary while the newer one is still on its way: it was written before the row was. It
came too late when the newer one was read before it, or when it was written after the row was stored.
"""

from collections import OrderedDict
from datetime import datetime
from typing import Final

from services.rules.core.plan import Heard

HEARD_MAX: Final = 50_000
"""Contacts whose last version on `contacts.clean` is remembered: some minutes of traffic, about 10 MB."""


class Hearing:
    """The greatest version heard of each contact, in the order of the log, the latest HEARD_MAX of them."""

    def __init__(self) -> None:
        self._newest: OrderedDict[str, int] = OrderedDict()

    def is_late(self, heard: Heard, published_version: int, stored_at: datetime) -> bool:
        """True when the topic now ends with something older than what is stored; remembers what was heard."""
        before = self._newest.get(heard.contact_id, 0)
        self._newest[heard.contact_id] = max(before, heard.version)
        self._newest.move_to_end(heard.contact_id)
        if len(self._newest) > HEARD_MAX:
            self._newest.popitem(last=False)
        overtaken = before >= published_version or heard.timestamp_ms > stored_at.timestamp() * 1_000
        return heard.version < published_version and overtaken
