"""What `up` is going to run, and when it starts again what died."""

from pathlib import Path

import pytest

from deploy.local.child import CALM_S, Lives
from deploy.local.errors import WrongWishError
from deploy.local.plan import Plan, environment, owners


def plan(**workers: int) -> Plan:
    return Plan(Path("data"), 8000, workers)


def test_each_worker_has_a_name_of_its_own_along_the_path_of_the_data() -> None:
    assert [name for _, name in plan(dedup=1, rules=2).instances()] == [
        "ingest-1", "dedup-1", "validate-1", "enrich-1", "rules-1", "rules-2", "backup-1",
    ]  # fmt: skip


def test_two_of_dedup_work_where_nothing_is_wished_since_one_waits_for_postgres_too_often() -> None:
    assert [name for _, name in plan().instances()].count("dedup-2") == 1
    assert [name for _, name in plan(validate=2).instances() if name.startswith("dedup")] == ["dedup-1", "dedup-2"]


def test_everybody_learns_where_each_worker_answers() -> None:
    wanted = plan(dedup=2)
    ports = {name: 20_000 + number for number, (_, name) in enumerate(wanted.instances())}
    assert owners(ports, wanted).split(";")[:3] == [
        "ingest=http://127.0.0.1:20000",
        "dedup=http://127.0.0.1:20001 http://127.0.0.1:20002",
        "validate=http://127.0.0.1:20003",
    ]


@pytest.mark.parametrize("workers", [{"dedupe": 1}, {"dedup": 0}, {"rules": 1_000}])
def test_workers_that_make_no_sense_are_refused(workers: dict[str, int]) -> None:
    with pytest.raises(WrongWishError):
        plan(**workers)


def test_access_to_somebody_elses_kafka_is_not_asked_of_the_embedded_one() -> None:
    inherited = {"KAFKA_SASL_PASSWORD": "secret", "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LANG": "de_DE.UTF-8"}
    embedded = environment(inherited, "here:1", "postgresql://here", embedded_kafka=True)
    named = environment(inherited, "there:1", "postgresql://there", embedded_kafka=False)
    assert not [key for key in embedded if key.startswith(("KAFKA_SASL", "KAFKA_SECURITY"))]
    assert named["KAFKA_SASL_PASSWORD"] == "secret"
    assert embedded["LANG"] == "de_DE.UTF-8"


def test_who_dies_once_is_back_at_once_and_who_dies_again_and_again_waits_longer() -> None:
    lives, now, pauses = Lives(pause_s_max=10), 0.0, list[float]()
    for _ in range(8):
        lives.born(now)
        pauses.append(lives.died(now))
        now += pauses[-1]
    assert pauses == [0, 0.5, 1, 2, 4, 8, 10, 10]
    lives.born(now)
    assert lives.died(now + CALM_S) == 0
    assert lives.deaths == 9
