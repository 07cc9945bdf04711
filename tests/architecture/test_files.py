"""Every service the same shape: who knows one finds the way in all."""

from pathlib import Path

import pytest

import services
import shared
from tests.architecture import rules
from tests.architecture.rules import plant


def test_no_file_bears_a_name_that_no_list_names() -> None:
    """Harm: helpers.py, utils.py and manager.py collect what nobody finds again, and no two services look alike."""
    assert rules.strangers(rules.ROOT) == []


@pytest.mark.parametrize(
    "stranger",
    [
        "services/dedup/utils.py",
        "services/dedup/connectors/typeform.py",
        "services/dedup/core.py",
        "shared/runtime/helpers.py",
        "shared/runtime/broker/redis.py",
    ],
)
def test_a_stranger_is_seen(house: Path, stranger: str) -> None:
    assert rules.strangers(house) == []
    plant(house, stranger)
    assert len(rules.strangers(house)) == 1


def test_what_belongs_to_one_service_is_no_stranger_there(house: Path) -> None:
    plant(house, "services/ingest/connectors/generic.py")
    plant(house, "services/dedup/model.json")
    plant(house, "services/dedup/core/anything.py")
    assert rules.strangers(house) == []


def test_every_service_opens_with_its_card() -> None:
    """Harm: without the card nobody knows what a service does not promise, and relies on it."""
    assert rules.incomplete_cards(rules.ROOT) == []


def test_a_card_without_its_guarantee_is_seen(house: Path) -> None:
    plant(house, "services/dedup/__init__.py", '"""A service.\n\nConsumes\nProduces\nState\nDrops\nDead-letters\n"""\n')
    assert rules.incomplete_cards(house) == ["services/dedup/__init__.py: the card lacks Guarantee"]


def test_services_and_shared_are_ours() -> None:
    """Harm: other packages bear these names too; one of them imported instead, and nothing here was tested."""
    for package in (services, shared):
        assert package.__file__ is not None
        assert Path(package.__file__).is_relative_to(rules.ROOT)
