import msgspec
import pytest

from services.dedup.core.model import load_model, probability
from services.dedup.core.population import Population
from tests.unit.dedup.made import MODEL_FILE, model


def test_probabilities_are_those_of_the_bits() -> None:
    assert probability(0) == 0.5
    assert probability(1_000) == pytest.approx(2 / 3)
    assert probability(model().bands.merge_millibits) == pytest.approx(0.99, abs=1e-4)
    assert probability(model().bands.offer_millibits) == pytest.approx(0.75, abs=1e-4)
    assert 0 <= probability(-(10**9)) < probability(10**9) <= 1


def test_bands_in_disorder_are_refused() -> None:
    broken = msgspec.json.decode(MODEL_FILE.read_bytes())
    broken["bands"]["merge_millibits"] = 0
    with pytest.raises(ValueError, match="disorder"):
        load_model(msgspec.json.encode(broken))


def test_an_unknown_key_is_refused() -> None:
    broken = msgspec.json.decode(MODEL_FILE.read_bytes()) | {"wieghts": {}}
    with pytest.raises(msgspec.ValidationError):
        load_model(msgspec.json.encode(broken))


def test_common_names_say_less_than_rare_ones() -> None:
    population = Population.default()
    assert population.family_millibits("mueller") < population.family_millibits("quittenbaum")
    assert population.given_millibits("peter") < population.given_millibits("zoltan")


def test_the_default_population_is_one_object() -> None:
    assert Population.default() is Population.default()
