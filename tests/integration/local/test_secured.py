"""Goal: Kafka and Postgres are spoken to in secret where they demand it, by the variables of the environment alone.

Method: a Kafka that takes only TLS with a password, or only who has a certificate; TLS before a Postgres.
"""

import asyncio
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from deploy.local.folder import DataFolder
from shared.domain.errors import Transient
from shared.runtime.broker import Draft
from shared.runtime.broker.kafka import KafkaBroker
from shared.runtime.database import Database
from shared.runtime.migrations import migrate
from shared.runtime.settings import DatabaseSettings, KafkaSettings
from shared.runtime.tables import newest_revision
from shared.topology import CLEAN
from tests.support.secured import PASSWORD, USER, Papers, SecuredKafka, papers, tls_before
from tests.support.stack import Stack, create_database

SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": USER}


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Certificates of an authority that only these tests know."""
    return papers(tmp_path_factory.mktemp("papers") / "ours")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory, ours: Papers) -> Generator[SecuredKafka]:
    """A broker that demands."""
    folder = DataFolder(tmp_path_factory.mktemp("secured") / "data")
    with folder.locked():
        engine = SecuredKafka(folder, ours)
        try:
            engine.start()
            yield engine
        finally:
            engine.stop()


@pytest.fixture
async def behind_tls(stack: Stack, ours: Papers, topic_prefix: str) -> AsyncIterator[str]:
    """An empty database that is reached by TLS only."""
    url = await create_database(stack.database_url, f"{topic_prefix}tls")
    async with tls_before(url, ours) as address:
        yield address


def settings(monkeypatch: pytest.MonkeyPatch, servers: str, **variables: str) -> KafkaSettings:
    """What the environment says of Kafka."""
    for name, value in {"KAFKA_BOOTSTRAP_SERVERS": servers, **variables}.items():
        monkeypatch.setenv(name, value)
    return KafkaSettings()


async def comes_back(kafka: KafkaSettings, prefix: str) -> bytes | None:
    """The value of a message that was sent and read again over this way."""
    broker = KafkaBroker(kafka, topic_prefix=prefix)
    admin, producer = broker.admin(), broker.producer()
    consumer = broker.consumer("reads", [CLEAN.name], None)
    try:
        await admin.ensure_topics(1, 1)
        await producer.start()
        await producer.send([Draft(topic=CLEAN.name, key=b"k", value=b"in secret", headers=())])
        await consumer.start()
        async with asyncio.timeout(60):
            while not (messages := await consumer.take(1, 1.0)):
                pass
        return messages[0].value
    finally:
        await asyncio.gather(consumer.stop(), producer.stop(), admin.close())


async def test_a_broker_that_demands_tls_and_a_password_is_used_by_five_variables(
    kafka: SecuredKafka, ours: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = SASL | {"KAFKA_SASL_PASSWORD": PASSWORD, "KAFKA_SSL_CAFILE": str(ours.authority)}
    assert await comes_back(settings(monkeypatch, kafka.sasl, **said), "password.") == b"in secret"


async def test_a_broker_that_demands_a_certificate_is_shown_ours(
    kafka: SecuredKafka, ours: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": str(ours.authority),
        "KAFKA_SSL_CERTFILE": str(ours.client), "KAFKA_SSL_KEYFILE": str(ours.client_key),
    }  # fmt: skip
    assert await comes_back(settings(monkeypatch, kafka.mutual, **said), "certificate.") == b"in secret"


@pytest.mark.parametrize("wrong", ["password", "authority", "certificate"])
async def test_a_broker_that_does_not_know_us_or_that_we_do_not_know_gets_nothing(
    kafka: SecuredKafka, ours: Papers, wrong: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The control of those before; what is said of it holds no secret."""
    others = papers(tmp_path / "others")
    said = SASL | {"KAFKA_SASL_PASSWORD": PASSWORD, "KAFKA_SSL_CAFILE": str(ours.authority)}
    servers = kafka.sasl
    match wrong:
        case "password":
            said["KAFKA_SASL_PASSWORD"] = "wrong" + PASSWORD
        case "authority":
            said["KAFKA_SSL_CAFILE"] = str(others.authority)
        case _:
            servers = kafka.mutual
            said = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CAFILE": str(ours.authority)}
    producer = KafkaBroker(settings(monkeypatch, servers, **said)).producer()
    with pytest.raises(Transient) as refused:
        await producer.start()
    await producer.stop()
    assert PASSWORD not in f"{refused.value} {refused.value.__cause__}"


async def test_a_postgres_that_demands_tls_is_used_by_its_address(
    behind_tls: str, ours: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{behind_tls}?sslmode=verify-full&sslrootcert={ours.authority}")
    url = DatabaseSettings().url.get_secret_value()
    assert await migrate(url) == newest_revision()
    database = Database(url)
    assert [row["one"] for row in await database.fetch("SELECT 1 AS one")] == [1]
    await database.close()


@pytest.mark.parametrize("way", ["sslmode=disable", "sslmode=verify-full&sslrootcert={}"])
async def test_a_postgres_is_not_reached_in_plain_text_nor_under_an_authority_that_is_not_its_own(
    behind_tls: str, way: str, tmp_path: Path
) -> None:
    database = Database(f"{behind_tls}?{way.format(papers(tmp_path / 'others').authority)}")
    with pytest.raises(Transient):
        await database.fetch("SELECT 1")
    await database.close()
