"""The way to Postgres: a small pool of asyncpg connections, and one place that tells the world's wrongs from ours."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared.domain.errors import Refused, Transient

Connection: TypeAlias = PoolConnectionProxy

POOL_CONNECTIONS_MAX: Final = 4
"""A stage works on one batch at a time; the rest is for its chores and its API."""

SETTINGS: Final = {
    "application_name": "kontaktwerk",
    "jit": "off",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
    "client_connection_check_interval": "500ms",
    "timezone": "UTC",
}
"""`client_connection_check_interval`: a backend whose client was killed while it waited for a lock otherwise goes on
waiting, with its locks. `idle_in_transaction…`: a stopped process frees its locks at the latest then."""

WORLD: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)
"""What goes away by waiting: the server is gone, restarts, is full or asks to try the transaction again.

A cached statement is invalid once a later release has added a column beside us; asked again, it is prepared anew.

InternalClientError is what asyncpg raises ("cannot switch to state…") when a server's goodbye and our next statement
cross on the way.
"""


ANSWER_TIMEOUT_S: Final = 60.0
"""Twice the statement's own limit: a server that has not answered by then has been stopped or cut off."""

CONNECT_TIMEOUT_S: Final = 10.0
"""For a connection, new or from the pool: longer, and readiness would say too late what is missing."""


class Server(NamedTuple):
    """What a server says of itself: its version as 180004, two of its settings, and its clock."""

    version: int
    locks_per_transaction: int
    connections: int
    now: datetime


class Database:
    """A pool that raises Transient for what goes away by waiting, Refused for a value Postgres cannot hold.

    Everything else comes through: it is ours.
    """

    def __init__(self, url: str, connections_max: int = POOL_CONNECTIONS_MAX) -> None:
        self._url = url
        self._connections_max = connections_max
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect, once. Raises Transient while the server does not answer."""
        async with self._opening:
            if self._pool is None:
                self._pool = await self._connected()

    async def _connected(self) -> asyncpg.Pool:
        with _world():
            return await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=self._connections_max,
                server_settings=dict(SETTINGS),
                command_timeout=ANSWER_TIMEOUT_S,
                timeout=CONNECT_TIMEOUT_S,
                reset=_nothing_to_reset,
            )

    async def close(self) -> None:
        """Close every connection, at once where one hangs."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """A connection outside a transaction."""
        if self._pool is None:
            await self.open()
        assert self._pool is not None
        with _world():
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """A connection in a READ COMMITTED transaction, committed at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """The rows of one statement."""
        async with self.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *args)
            return rows

    async def server(self) -> Server:
        """The server behind this database."""
        (row,) = await self.fetch(
            """SELECT current_setting('server_version_num')::int, current_setting('max_locks_per_transaction')::int,
                      current_setting('max_connections')::int, clock_timestamp()"""
        )
        return Server(*row)

    async def execute(self, query: str, *args: Any) -> None:
        """Run one statement."""
        async with self.connection() as connection:
            await connection.execute(query, *args)


async def _nothing_to_reset(_: Connection) -> None:
    """A connection goes back to the pool as it came: what we set and lock ends with its transaction.

    asyncpg's own word (RESET ALL and the like) costs a round trip for each transaction. An open transaction is rolled
    back without it.
    """


class _world:  # noqa: N801 (reads as a word where it is used)
    """Turns what goes away by waiting into Transient, and what can never be stored into Refused."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, asyncpg.DataError | UnicodeEncodeError):
            raise Refused(type(error).__name__) from error
        if isinstance(error, WORLD) and not isinstance(error, Transient):
            raise Transient(type(error).__name__) from error
