"""The stack that tests run on: real Kafka and real Postgres, started once a session or borrowed from a running one.

`TEST_STACK=containers` starts both in containers instead, from the images of production.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.folder import DataFolder
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from shared.runtime import migrations, tables
from tests.support.containers import engines

BORROWED_KAFKA = "KONTAKTWERK_TEST_KAFKA"
BORROWED_DATABASE = "KONTAKTWERK_TEST_DATABASE"
KIND = "TEST_STACK"


@dataclass(frozen=True)
class Stack:
    """Where the engines answer; the database URL is the superuser's."""

    bootstrap_servers: str
    database_url: str


@contextlib.contextmanager
def running_stack() -> Generator[Stack]:
    """The engines that the two variables above name if both are set, else fresh ones in a temporary folder."""
    if os.environ.get(KIND) == "containers":
        with engines() as (bootstrap_servers, database_url):
            yield Stack(bootstrap_servers, database_url)
        return
    kafka, database = os.environ.get(BORROWED_KAFKA), os.environ.get(BORROWED_DATABASE)
    if kafka and database:
        yield Stack(kafka, database)
        return
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-tests-") as name, embedded_stack(Path(name) / "data") as stack:
        yield stack


@contextlib.contextmanager
def embedded_stack(path: Path) -> Generator[Stack]:
    """Kafka and Postgres of our own in the folder `path`, stopped at the end."""
    folder = DataFolder(path)
    engines = kafka, postgres = Kafka(folder), Postgres(folder)
    with folder.locked(), ThreadPoolExecutor(len(engines)) as pool:
        try:
            for started in [pool.submit(engine.start) for engine in engines]:
                started.result()
            yield Stack(kafka.bootstrap_servers, postgres.database_url)
        finally:
            for stopped in [pool.submit(engine.stop) for engine in engines]:
                stopped.result()


async def create_database(superuser_url: str, name: str, template: str = "template1") -> str:
    """Make a database, an empty one unless a template is named, and return its URL."""
    await _execute(superuser_url, f'create database "{name}" template "{template}"')
    return url_of(superuser_url, name)


async def migrated_template(superuser_url: str) -> str:
    """The name of a database with all tables, to be copied: made once for each state of the migrations.

    A copy takes a tenth of the two seconds that migrating an empty database does, and every test wants one.
    """
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted(tables.FOLDER.rglob("*.py")):
        digest.update(path.read_bytes())
    name = f"kontaktwerk_tables_{digest.hexdigest()}"
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute("select pg_advisory_lock(hashtext($1))", name)  # another run may be making it
        if not await connection.fetchval("select count(*) from pg_database where datname = $1", name):
            await connection.execute(f'drop database if exists "{name}_new"')
            await migrations.migrate(await create_database(superuser_url, f"{name}_new"))
            await connection.execute(f'alter database "{name}_new" rename to "{name}"')
    finally:
        await connection.close()
    return name


def url_of(superuser_url: str, name: str) -> str:
    """The URL of a database of the same server."""
    return urlunsplit(urlsplit(superuser_url)._replace(path=f"/{name}"))


async def drop_database(superuser_url: str, name: str) -> None:
    """Drop a database, whoever is still connected to it."""
    await _execute(superuser_url, f'drop database if exists "{name}" with (force)')


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
