"""Goal: whoever sends notices neither that Kafka is away nor that the processes at the door are replaced.

Method: the whole system with two processes of ingest and a Kafka of this test alone, under a steady stream of single
records. Both processes are asked to end, one after the other; then Kafka is stopped, one process is killed with -9
meanwhile, and Kafka comes back. `python -m tests.bench.away` is the same at full size.
"""

from pathlib import Path

from tests.bench.away import Sent, found, kafka_away, restarted, sending, standing

RATE: float = 25
AWAY_S: float = 6


async def test_restarts_and_an_absent_kafka_cost_no_sender_a_connection_and_nobody_a_record(
    system_folder: Path,
) -> None:
    settings = {"KONTAKTWERK_VALIDATE_DNS": "off", "KONTAKTWERK_PARTITIONS": "3"}
    async with standing(system_folder, "ingest=2", settings) as (system, kafka):
        sent = Sent()
        await sending(system, RATE, restarted(system, 2), sent)
        assert not sent.broken, "an end that was asked for resets nobody"
        assert not sent.refused
        away = Sent()

        async def killed() -> None:
            assert not away.broken, "Kafka's being away breaks no connection"
            system.kill("ingest", 0)

        await sending(system, RATE, kafka_away(kafka, AWAY_S, killed), away, first=len(sent.accepted))
        sent.accepted += away.accepted
        end = await found(system, kafka.bootstrap_servers, sent)
    assert end.lost == 0
    assert end.ended == len(set(sent.accepted)) == len(sent.accepted)
