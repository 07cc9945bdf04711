"""Telemetry: what a process tells about itself in metrics and logs; of persons, nothing.

Metric labels are names of stages, topics, reasons and kinds of error, never ids. Logs name ids and codes. An exception
is logged by its type and place: its text may quote a value, so it is printed nowhere, whoever logs it.
"""

import asyncio
import logging
import sys
import time
import traceback
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, assert_never

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from shared.domain.outcome import DeadLetter, Drop, Forward, Outcome
from shared.runtime.broker import Backlog, TopicPartition

RATE_WINDOW_S: Final = 60.0
"""The rate that `status` shows is of the last minute: long enough to be calm, short enough to be true."""

ERROR_TOLD_S: Final = 600.0
"""An error that is over for so long is no news: `status` shows it no more, the log keeps it."""

QUIET_S: Final = 10.0
"""A library says the same thing at most this often (T9: the Kafka client logs 30 lines a second while a broker is
down)."""

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""A batch takes milliseconds; beyond half a minute only the order of magnitude matters."""

STAGE: Final = ("stage",)
"""Label: the name of the service."""

LAG: Final = ("stage", "topic")
"""Labels: the service and the topic it reads."""

REQUEST: Final = ("stage", "status")
"""Labels: the service, and the class of the answer: 2xx, 3xx, 4xx, 5xx, or none where the client was gone."""

OUTCOME: Final = ("stage", "outcome", "reason")
"""Labels: the service, forwarded, dropped or dead-lettered, and the documented reason."""


class Measure(NamedTuple):
    """A metric of one service alone: a gauge of this name, read whenever somebody looks."""

    name: str
    says: str
    read: Callable[[], float]


class Metrics:
    """The metrics of one process, and the gauge that its loop tells what it sees."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.why_halted: str | None = None
        self.waits_for: str | None = None
        self.letters = 0
        self._service = service
        self._error: str | None = None
        self._failed_at = float("-inf")
        self._oldest_waiting_s = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        here = self.registry
        self._taken = Counter("kontaktwerk_messages_taken_total", "Messages taken.", STAGE, registry=here)
        self._outcomes = Counter("kontaktwerk_messages_total", "What became of them.", OUTCOME, registry=here)
        self._seconds = Histogram(
            "kontaktwerk_batch_seconds", "Take to commit.", STAGE, registry=here, buckets=BUCKETS_S
        )
        self._age = Gauge("kontaktwerk_oldest_seconds", "Age of a batch's oldest message.", STAGE, registry=here)
        self._lag = Gauge("kontaktwerk_lag_messages", "Messages not committed, by topic.", LAG, registry=here)
        self._lag_age = Gauge("kontaktwerk_lag_seconds", "Age of the oldest of them, by topic.", LAG, registry=here)
        self._failures = Counter("kontaktwerk_failures_total", "What is tried again.", STAGE, registry=here)
        self._waiting = Gauge("kontaktwerk_waiting", "1 while Kafka or Postgres is away.", STAGE, registry=here)
        self._halted = Gauge("kontaktwerk_halted", "1 while it stands still on purpose.", STAGE, registry=here)
        self._looked = Gauge("kontaktwerk_lag_measured_at_seconds", "When lag was measured last.", STAGE, registry=here)
        self._requests = Counter("kontaktwerk_requests_total", "Requests answered.", REQUEST, registry=here)
        self._answering = Histogram(
            "kontaktwerk_request_seconds", "First byte in to last byte out.", STAGE, registry=here, buckets=BUCKETS_S
        ).labels(service)
        self.under_way = Gauge("kontaktwerk_requests_under_way", "Being answered now.", STAGE, registry=here).labels(
            service
        )
        for gauge in (self._waiting, self._halted):
            gauge.labels(service).set(0)
        self._failures.labels(service)
        Gauge("kontaktwerk_tasks", "Tasks of the event loop.", STAGE, registry=here).labels(service).set_function(
            _tasks
        )
        ProcessCollector(registry=here)

    def taken(self, messages: int, oldest_ms: int) -> None:
        """A batch was taken."""
        self._taken.labels(self._service).inc(messages)
        self._age.labels(self._service).set(max(0.0, time.time() - oldest_ms / 1000))

    def done(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A batch is committed."""
        for (fate, reason), count in Tally(map(fate_of, outcomes)).items():
            self._outcomes.labels(self._service, fate, reason).inc(count)
            self.letters += count if fate == "dead-lettered" else 0
        self._seconds.labels(self._service).observe(seconds)
        self._recent.append((time.monotonic(), len(outcomes)))

    def behind(self, backlog: Mapping[TopicPartition, Backlog], now: datetime) -> None:
        """The whole group is so far behind, whoever of it is alive."""
        topics = {position.topic for position in backlog}
        for topic in topics:
            here = [one for position, one in backlog.items() if position.topic == topic]
            oldest = min((one.oldest_ms for one in here if one.oldest_ms is not None), default=None)
            self._lag.labels(self._service, topic).set(sum(one.messages for one in here))
            self._lag_age.labels(self._service, topic).set(age_s(oldest, now))
        self._looked.labels(self._service).set(now.timestamp())
        stamps = [one.oldest_ms for one in backlog.values() if one.oldest_ms is not None]
        self._oldest_waiting_s = age_s(min(stamps, default=None), now)

    def answered(self, status: int | None, seconds: float) -> None:
        """A request of the service's own paths came to its end; None: nothing could be said to it."""
        self._requests.labels(self._service, "none" if status is None else f"{status // 100}xx").inc()
        self._answering.observe(seconds)

    @property
    def last_error(self) -> str | None:
        """What failed last, unless that has long been over."""
        lately = time.monotonic() - self._failed_at <= ERROR_TOLD_S
        return self._error if lately else self.why_halted or self.waits_for

    def failed(self, what: str) -> None:
        """Something went wrong that is tried again; the type of an error at most, never its text."""
        self._error, self._failed_at = what, time.monotonic()
        self._failures.labels(self._service).inc()

    def waiting(self, error: str | None) -> None:
        """The stage waits for the world, or no longer does."""
        self.waits_for = error
        if error is not None:
            self.failed(error)
        self._waiting.labels(self._service).set(0 if error is None else 1)

    def halted(self, why: str | None) -> None:
        """The stage stands still on purpose, or (None) goes on."""
        self.why_halted = why
        if why is not None:
            self.failed(why)
        self._halted.labels(self._service).set(0 if why is None else 1)

    def measure(self, measures: Sequence[Measure]) -> None:
        """Tell these too."""
        for name, says, read in measures:
            Gauge(name, says, STAGE, registry=self.registry).labels(self._service).set_function(read)

    def rate(self) -> float:
        """Messages a second over the last minute."""
        oldest = time.monotonic() - RATE_WINDOW_S
        while self._recent and self._recent[0][0] < oldest:
            self._recent.popleft()
        return round(sum(count for _, count in self._recent) / RATE_WINDOW_S, 2)

    def oldest_s(self) -> float:
        """How old the oldest message is that the group has not committed, as last measured."""
        return self._oldest_waiting_s

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def _tasks() -> int:
    """Those of the loop that asks; none where nobody runs one."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return 0


def age_s(stamp_ms: int | None, now: datetime) -> float:
    """Seconds since a timestamp, 0 for none."""
    return 0.0 if stamp_ms is None else round(max(0.0, now.timestamp() - stamp_ms / 1000), 3)


def fate_of(outcome: Outcome) -> tuple[str, str]:
    """An outcome and its reason, as metrics name them."""
    match outcome:
        case Forward():
            return "forwarded", ""
        case Drop(reason):
            return "dropped", reason.value
        case DeadLetter(reason, _):
            return "dead-lettered", reason.value
        case _:
            assert_never(outcome)


def logger(service: str) -> Any:
    """A structured logger that names its service: `logger("dedup").info("merged", contact_id=…)`."""
    return structlog.get_logger().bind(service=service)


def configure_logging(form: str, level: str, bound: Mapping[str, str]) -> None:
    """Make every log line of this process, ours or a library's, one line of text or JSON on stderr."""
    form = ("console" if sys.stderr.isatty() else "json") if form == "auto" else form
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_exception_text,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if form == "console"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(Quietly())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("aiokafka", "uvicorn", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(**bound)


def without_exception_text(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replaces an exception by its type and place; what it says may quote a person's data."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"], event["at"] = type(error).__name__, place_of(error)
    event.pop("stack_info", None)
    return event


def place_of(error: BaseException) -> str:
    """Where an exception was raised: the last line of ours on its way, as file:line in function."""
    frames = list(traceback.extract_tb(error.__traceback__))
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    if not frames:
        return "nowhere"
    last = (ours or frames)[-1]
    return f"{'/'.join(Path(last.filename).parts[-3:])}:{last.lineno} in {last.name}"


class Quietly(logging.Filter):
    """Lets a library say the same thing only so often; what we say ourselves always passes."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """False for a repetition within QUIET_S."""
        if isinstance(record.msg, dict):
            return True
        key, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._said.get(key, float("-inf")) < QUIET_S:
            return False
        self._said[key] = now
        return True
