"""The statement that a table is pulled by, as each database is sent it: somebody's query, and what is asked of it."""

from typing import Any, Final

import pytest
from sqlalchemy import make_url

from services.ingest.pulls.client import statement
from shared.domain.configuration import Source

QUERY: Final = "select id, mail, `since` from customers where mail like '%.de'"
DRIVERS: Final = ("mysql+pymysql", "postgresql+asyncpg", "sqlite")
DIALECTS: Final = {name: make_url(f"{name}://").get_dialect()() for name in DRIVERS}


def source(query: str, watermark: str | None = None) -> Source:
    return Source(connector="sql", url="mysql+pymysql://", query=query, key="id", watermark=watermark)


def said(source: Source, after: Any, dialect: str) -> str:
    return " ".join(str(statement(source, after).compile(dialect=DIALECTS[dialect])).split())


def test_mysql_is_sent_a_whole_compare_as_it_was_written_with_its_percent_doubled_for_the_driver() -> None:
    assert said(source(QUERY), None, "mysql+pymysql") == QUERY.replace("%", "%%")


def test_mysql_is_asked_for_what_is_at_or_above_the_watermark_and_for_what_has_none() -> None:
    inner = QUERY.replace("%", "%%")
    # `key` is a word of MySQL's own: a column may bear it, in quotes of MySQL's kind.
    assert said(source(QUERY + ";", "key"), 5, "mysql+pymysql") == (
        f"SELECT * FROM ({inner}) AS pulled WHERE `key` >= %s OR `key` IS NULL ORDER BY `key`"
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("condition", ["at = ':noon'", "at > '10:00'", r"place = 'C\:x'", "at::text = 'x'"])
def test_a_colon_of_the_query_is_no_name_of_a_value(condition: str, dialect: str) -> None:
    query = f"select id, at from customers where {condition}"
    assert said(source(query), None, dialect) == query
