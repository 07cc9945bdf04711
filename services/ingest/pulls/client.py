"""The way to other people's databases: read-only, page by page, through whatever driver SQLAlchemy has for them."""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import quote

import asyncpg
from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Executable,
    Select,
    TextClause,
    bindparam,
    column,
    create_engine,
    literal_column,
    make_url,
    or_,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.domain.configuration import Source

PAGE_ROWS: Final = 500
"""Rows in memory at once: one delivery to the front door, well under a second of work."""

CONNECT_S: Final = 10.0
"""A database that takes longer is away."""

ASYNC_DRIVERS: Final = {"postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
"""What a plain address means, by the drivers that come with Kontaktwerk; others are named in the address."""

Row = Mapping[str, Any]


class Unreadable(Exception):
    """The table cannot be read; the text names the kind of error and nothing of address, query or rows.

    `lasting`: trying again cannot help; `wait`: how long we were asked to stay away.
    """

    def __init__(self, why: str, *, lasting: bool, wait: timedelta | None = None) -> None:
        super().__init__(why)
        self.wait = wait
        self.lasting = lasting


async def pages(source: Source, after: Any) -> AsyncGenerator[list[Row]]:
    """The rows of a source, a page at a time; with `after`, those whose watermark is at least that, in its order.

    Nothing is written: the connection is read-only where the database can promise it. Raises Unreadable.
    """
    try:
        url = _address(source.url or "")
        reading = _asynchronous if url.drivername.endswith("+asyncpg") else _in_a_thread
        async for page in reading(url, statement(source, after), {} if after is None else {"after": after}):
            yield page
    except (ArgumentError, NoSuchModuleError, ProgrammingError, ModuleNotFoundError) as error:
        raise Unreadable(type(error).__name__, lasting=True) from None
    except (SQLAlchemyError, OSError, TimeoutError, sqlite3.Error, asyncpg.PostgresError) as error:
        raise Unreadable(type(error).__name__, lasting=False) from None
    except asyncpg.InterfaceError as error:
        raise Unreadable(type(error).__name__, lasting=False) from None


def _address(said: str) -> URL:
    url = make_url(said)
    return url.set(drivername=ASYNC_DRIVERS.get(url.drivername, url.drivername))


def statement(source: Source, after: Any) -> Select[Any] | TextClause:
    """The query as it is; with a watermark around it what is asked of it, so that any query can be read on.

    Its colons are its own (times, casts): no names of values.
    """
    query = (source.query or "").strip().rstrip(";").replace(":", r"\:")
    if source.watermark is None:
        return text(query)
    mark: ColumnElement[Any] = column(source.watermark)
    around: Select[Any] = select(literal_column("*")).select_from(text(f"({query}) AS pulled")).order_by(mark)
    return around if after is None else around.where(or_(mark >= bindparam("after"), mark.is_(None)))


async def _asynchronous(url: URL, statement: Executable, values: Row) -> AsyncGenerator[list[Row]]:
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_S})
    try:
        async with engine.connect() as connection:
            await connection.execution_options(postgresql_readonly=True)
            result = await connection.stream(statement, dict(values), execution_options={"yield_per": PAGE_ROWS})
            async for part in result.mappings().partitions(PAGE_ROWS):
                yield [dict(row) for row in part]
    finally:
        await engine.dispose()


async def _in_a_thread(url: URL, statement: Executable, values: Row) -> AsyncGenerator[list[Row]]:
    """For drivers that block: SQLite, and MySQL and others by the driver that the address names."""
    more: dict[str, Any] = {"creator": _sqlite(url)} if url.get_backend_name() == "sqlite" else {}
    engine = create_engine(url, poolclass=NullPool, **more)
    connection: Connection = await asyncio.to_thread(engine.connect)
    try:
        if url.get_backend_name() in ("mysql", "mariadb"):
            await asyncio.to_thread(connection.exec_driver_sql, "SET SESSION TRANSACTION READ ONLY")
        streaming = connection.execution_options(stream_results=True, yield_per=PAGE_ROWS)
        result = await asyncio.to_thread(streaming.execute, statement, dict(values))
        parts = iter(result.mappings().partitions(PAGE_ROWS))
        for _ in itertools.count():
            part = await asyncio.to_thread(next, parts, None)
            if part is None:
                break
            yield [dict(row) for row in part]
    finally:
        await asyncio.to_thread(connection.close)
        engine.dispose()


def _sqlite(url: URL) -> Any:
    """Opens a file that is there, to read only; a page may come to another thread than the one before."""
    place = f"file:{quote(url.database or '')}?mode=ro"
    return lambda: sqlite3.connect(place, uri=True, check_same_thread=False, timeout=CONNECT_S)
