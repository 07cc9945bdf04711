"""`topics`: make the topics of the path, or check that they are as they must be."""

from shared.commands.kafka import broker_of, patiently
from shared.commands.running import Failed, Running
from shared.runtime.broker.kafka_admin import KafkaAdmin
from shared.runtime.settings import Settings
from shared.topology import TOPICS


async def run(running: Running) -> list[str]:
    """The names of all topics, all of which are there now. Raises Failed for one with another partition count."""
    settings = Settings()
    admin = broker_of(running, settings).admin()
    assert isinstance(admin, KafkaAdmin), "only Kafka has topics to make"
    try:
        await patiently("Kafka", lambda: admin.ensure_topics(settings.partitions, settings.replication_factor))
    except ValueError as error:
        raise Failed(str(error)) from None
    finally:
        await admin.close()
    return [settings.topic_prefix + topic.name for topic in TOPICS]
