"""What `docker-compose.yml` promises is read in it here, without an engine; tests/containers show that it works."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy.local.plan import SERVICES as STARTED_BY_UP
from deploy.local.postgres import SETTINGS
from services.ingest.client import owners_of
from shared.topology import SERVICES
from tests.support.containers import KAFKA_IMAGE, POSTGRES_IMAGE

ROOT = Path(__file__).parents[3]
TASKS = ("topics", "migrate")
ENGINES = ("kafka", "postgres")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return found["services"]


def test_it_runs_what_up_runs(compose: dict[str, Any]) -> None:
    assert set(compose) == {*STARTED_BY_UP, *TASKS, *ENGINES}
    assert [compose[service]["command"] for service in SERVICES] == [["run", service] for service in SERVICES]


def test_every_owner_is_reached_by_its_name(compose: dict[str, Any]) -> None:
    owners = owners_of(compose["ingest"]["environment"]["KONTAKTWERK_OWNERS"])
    assert owners == {service: (f"http://{service}:8080",) for service in SERVICES}


@pytest.mark.parametrize("service", [*SERVICES, *TASKS])
def test_nothing_of_ours_may_write_or_gain_rights(service: str, compose: dict[str, Any]) -> None:
    ours = compose[service]
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in ours, "the image says who: nobody in particular"


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_comes_back_is_looked_at_and_can_be_scaled(service: str, compose: dict[str, Any]) -> None:
    ours = compose[service]
    assert ours["restart"] == "unless-stopped"
    assert "/readyz" in ours["healthcheck"]["test"][-1]
    assert "container_name" not in ours
    assert "KONTAKTWERK_INSTANCE" not in ours["environment"], "two processes of one name take work from each other"
    assert ("ports" in ours) == (service == "ingest"), "there is one address"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_engines_are_those_that_tests_run_on(engine: str, compose: dict[str, Any]) -> None:
    assert compose[engine]["image"] == {"kafka": KAFKA_IMAGE, "postgres": POSTGRES_IMAGE}[engine]


def test_postgres_keeps_people_out_of_its_log_and_lets_dedup_lock(compose: dict[str, Any]) -> None:
    said = dict(one.removeprefix("-c").split("=", 1) for one in compose["postgres"]["command"][1:])
    elsewhere = {"listen_addresses", "unix_socket_directories", "fsync", "checkpoint_timeout", "log_line_prefix"}
    assert said == {name: value for name, value in SETTINGS.items() if name not in elsewhere}


def test_the_image_holds_nothing_but_what_services_need() -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*", "everything is left out unless it is named"
    assert {line[1:] for line in rules if line.startswith("!")} == {
        "requirements.lock", "kontaktwerk", "services", "shared", "deploy",
    }  # fmt: skip
    assert "deploy/local" in rules
