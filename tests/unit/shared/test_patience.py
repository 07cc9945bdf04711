"""What a verb says when Kafka or Postgres does not answer."""

import logging

import pytest

from shared.commands.kafka import patiently
from shared.commands.running import Failed
from shared.domain.errors import Transient

CLIENT = logging.getLogger("aiokafka.conn")


async def refused() -> None:
    """As the client does with a wrong password: it says why to its log, and raises something else."""
    CLIENT.error("Unable connect to %s: SaslAuthenticationFailed", "kafka:9093")
    raise Transient("KafkaConnectionError")


async def test_what_does_not_answer_is_named_with_the_reason_and_what_to_look_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Failed, match=r"Kafka does not answer \(Unable connect to kafka:9093: SaslAuth.*PROTOCOL"):
        await patiently("Kafka", refused, patience_s=0.0)
    assert not capsys.readouterr().err, "one line, not one for every attempt"


async def test_without_words_of_the_client_the_kind_of_error_is_said() -> None:
    async def away() -> None:
        raise Transient("ConnectionRefusedError")

    with pytest.raises(Failed, match=r"Postgres does not answer \(ConnectionRefusedError\); .* DATABASE_URL"):
        await patiently("Postgres", away, patience_s=0.0)


async def test_the_client_speaks_as_before_afterwards() -> None:
    client = logging.getLogger("aiokafka")
    handlers, propagated = list(client.handlers), client.propagate

    async def there() -> str:
        return "there"

    assert await patiently("Kafka", there) == "there"
    assert (client.handlers, client.propagate) == (handlers, propagated)
