"""A house with what an earlier state left behind: its tables in a database, its messages on topics, nobody at work."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.topology import TOPICS
from tests.support.stack import Stack
from tests.upgrades import kept


@pytest.fixture(params=kept.revisions())
async def earlier(
    request: pytest.FixtureRequest, stack: Stack, empty_database: str, topic_prefix: str
) -> AsyncIterator[str]:
    """The revision of the earlier state that `empty_database` and the topics of `topic_prefix` hold now."""
    revision: str = request.param
    kept.lay_tables(revision, empty_database)
    client = AIOKafkaAdminClient(bootstrap_servers=stack.bootstrap_servers)
    await client.start()
    names = [topic_prefix + topic.name for topic in TOPICS]
    try:
        await client.create_topics([NewTopic(name, kept.PARTITIONS, 1) for name in names])
        await kept.lay_messages(revision, stack.bootstrap_servers, topic_prefix)
        yield revision
    finally:
        await client.delete_topics(names)
        await client.close()


@pytest.fixture
def system_folder() -> Iterator[Path]:
    """An empty folder for a whole system, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="kontaktwerk-upgrades-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
