from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.books import Books, Row, Worker, books_of, stage_of

ROWS = st.builds(
    Row,
    kind=st.sampled_from(["record", "deletion", "interaction", "hook"]),
    state=st.sampled_from(["received", "resolved", "clean", "dropped", "dead-letter"]),
    reason=st.sampled_from([None, "stale", "poison"]),
    gone=st.booleans(),
    events=st.integers(1, 1000),
)


@given(st.lists(ROWS))
def test_every_event_is_found_in_exactly_one_column(rows: list[Row]) -> None:
    assert books_of(rows).balanced


def test_a_record_that_is_gone_counts_with_its_deletion() -> None:
    rows = [
        Row("record", "clean", None, gone=False, events=5),
        Row("record", "clean", None, gone=True, events=2),
        Row("deletion", "clean", None, gone=True, events=1),
        Row("interaction", "clean", None, gone=False, events=3),
        Row("record", "resolved", None, gone=False, events=4),
        Row("record", "dropped", "stale", gone=False, events=6),
        Row("hook", "dead-letter", "unreadable", gone=False, events=7),
    ]
    assert books_of(rows) == Books(28, 8, 3, 0, {"stale": 6}, {"unreadable": 7}, 4)
    assert not Books(2, 1, 0, 0, {}, {}, 0).balanced


def test_what_lies_in_tables_is_counted_once_however_many_processes_see_it() -> None:
    workers = [Worker(1.25, None, {"outbox": 3, "due": 1}), Worker(2.0, "OSError", {"outbox": 3}), None]
    stage = stage_of(10, 1_000, workers, 2, 3_500)
    assert (stage.lag, stage.rate, stage.oldest_s, stage.dead_letters, stage.last_error) == (14, 3.2, 2.5, 2, "OSError")


def test_what_cannot_be_measured_is_none_and_never_nought() -> None:
    assert stage_of(None, None, [Worker()], 0, 0).lag is None
    silent = stage_of(0, None, [None], 0, 0)
    assert (silent.lag, silent.rate, silent.last_error) == (None, None, "does not answer")
    idle = stage_of(0, None, [Worker()], 0, 9)
    assert (idle.lag, idle.oldest_s) == (0, 0.0)
