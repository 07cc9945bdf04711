"""What `up` tells on stderr: a calm table while it starts, one line for whatever happens later."""

import sys
import time
from contextlib import suppress
from typing import TextIO


class Screen:
    """Writes lines; knows how long each step took."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._since = time.monotonic()

    def title(self, text: str) -> None:
        """The first line."""
        self._line(text)
        self._since = time.monotonic()

    def step(self, name: str, text: str) -> None:
        """A step is done; the time since the last one stands at the end of the line."""
        now = time.monotonic()
        self._line(f"  {name:<14} {text:<54} {now - self._since:5.1f} s")
        self._since = now

    def happened(self, text: str) -> None:
        """Something happened that the user may want to know; with the time of day."""
        self._line(f"  {time.strftime('%H:%M:%S')}  {text}")

    def text(self, text: str = "") -> None:
        """A line as it is."""
        self._line(text)

    def _line(self, text: str) -> None:
        with suppress(OSError):  # nobody reads it any more, or its disk is full: no reason to stop what runs
            print(text, file=self._out, flush=True)
