"""Splink's models as its notebooks have them: reads a CSV of records, prints the pairs it predicts as CSV.

Runs in an environment of its own (`.local/splink`, requirements-splink.lock) and so imports nothing of ours:
`.local/splink/bin/python -I tests/bench/splink_models.py MODEL FILE.csv`. The columns are `record_id`, `given_name`,
`family_name`, `email`, `phone`, `street`, `city`, `postcode`, `dob`, `company`; what is empty is not known. Nothing is
told of who is who: the weights are estimated from these records alone.
"""

import csv
import sys
from pathlib import Path
from typing import Any, Final

import splink.comparison_library as cl  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]
from splink import Linker, SettingsCreator, block_on  # pyright: ignore[reportMissingImports]
from splink.backends.duckdb import DuckDBAPI  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

SEED: Final = 1
PAIRS_MAX: Final = 1e6
"""Random pairs for the chance agreement, as the notebooks draw."""

KEPT_FROM: Final = 0.01
"""Match probability from which a pair is said at all: thresholds are tried above it."""


def fake() -> dict[str, Any]:
    """The tutorial, on the set it ships; blocked wider, since the set is small enough for it."""
    return {
        "comparisons": [
            cl.NameComparison("given_name"),
            cl.NameComparison("family_name"),
            cl.LevenshteinAtThresholds("dob", 1),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        "blocking": [block_on("given_name"), block_on("family_name"), block_on("dob"), block_on("email")],
        "sure": [
            "l.given_name = r.given_name and levenshtein(r.dob, l.dob) <= 1",
            "l.family_name = r.family_name and levenshtein(r.dob, l.dob) <= 1",
            "l.given_name = r.given_name and levenshtein(r.family_name, l.family_name) <= 2",
            "l.email = r.email",
        ],
        "recall": 0.7,
        "sessions": [block_on("given_name", "family_name"), block_on("dob")],
    }


def historical() -> dict[str, Any]:
    """Deduplicating 50,000 historical persons."""
    return {
        "comparisons": [
            cl.ForenameSurnameComparison("given_name", "family_name").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.PostcodeComparison("postcode"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ],
        "blocking": [
            block_on("substr(given_name, 1, 3)", "substr(family_name, 1, 4)"),
            block_on("family_name", "dob"),
            block_on("given_name", "dob"),
            block_on("postcode", "given_name"),
            block_on("postcode", "family_name"),
            block_on("dob", "city"),
            block_on("substr(postcode, 1, 3)", "dob"),
            block_on("substr(postcode, 1, 3)", "given_name", "family_name"),
        ],
        "sure": ["l.given_name = r.given_name and l.family_name = r.family_name and l.dob = r.dob"],
        "recall": 0.6,
        "sessions": [block_on("given_name", "family_name"), block_on("dob")],
    }


def febrl() -> dict[str, Any]:
    """The Febrl notebook without its identity number, which the set's copy here does not bring either."""
    return {
        "comparisons": [
            cl.NameComparison("given_name"),
            cl.NameComparison("family_name"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.7]),
        ],
        "blocking": [
            block_on("given_name", "family_name"),
            block_on("dob"),
            block_on("given_name", "postcode"),
            block_on("family_name", "postcode"),
            block_on("street"),
        ],
        "sure": ["l.given_name = r.given_name and l.dob = r.dob", "l.street = r.street and l.dob = r.dob"],
        "recall": 0.6,
        "sessions": [block_on("dob"), block_on("given_name", "family_name")],
    }


def crm() -> dict[str, Any]:
    """No notebook has such a set: the same components over all its fields."""
    return {
        "comparisons": [
            cl.ForenameSurnameComparison("given_name", "family_name").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.JaroWinklerAtThresholds("street", [0.9, 0.7]),
            cl.ExactMatch("postcode"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("company", [0.9, 0.7]),
        ],
        "blocking": [
            block_on("given_name", "family_name"),
            block_on("email"),
            block_on("phone"),
            block_on("family_name", "postcode"),
            block_on("family_name", "dob"),
            block_on("given_name", "dob"),
            block_on("family_name", "company"),
        ],
        "sure": [
            "l.email = r.email and l.family_name = r.family_name",
            "l.phone = r.phone and l.given_name = r.given_name",
        ],
        "recall": 0.6,
        "sessions": [block_on("given_name", "family_name"), block_on("email")],
    }


def registry() -> dict[str, Any]:
    """A register with numbers instead of addresses, the same components again."""
    return {
        "comparisons": [
            cl.NameComparison("given_name"),
            cl.NameComparison("family_name"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.LevenshteinAtThresholds("phone", 1),
        ],
        "blocking": [
            block_on("given_name", "family_name"),
            block_on("phone"),
            block_on("given_name", "dob"),
            block_on("family_name", "dob"),
        ],
        "sure": [
            "l.phone = r.phone and l.given_name = r.given_name",
            "l.family_name = r.family_name and l.dob = r.dob",
        ],
        "recall": 0.7,
        "sessions": [block_on("given_name", "family_name"), block_on("dob")],
    }


MODELS: Final = {"registry": registry, "fake": fake, "historical": historical, "febrl": febrl, "crm": crm}


def predicted(model: dict[str, Any], path: Path) -> list[tuple[str, str, float]]:
    """The pairs of this file and the probability of each, weights learned from it as the notebooks do."""
    records = DuckDBAPI()
    records.duckdb_con.execute(
        "create table records as select * from read_csv(?, all_varchar = true, nullstr = '')", [str(path)]
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record_id",
        comparisons=model["comparisons"],
        blocking_rules_to_generate_predictions=model["blocking"],
        retain_matching_columns=False,
    )
    linker = Linker(records.register("records"), settings, log_level="ERROR")
    linker.training.estimate_probability_two_random_records_match(model["sure"], recall=model["recall"])
    linker.training.estimate_u_using_random_sampling(max_pairs=PAIRS_MAX, seed=SEED)
    for rule in model["sessions"]:
        linker.training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
    found = linker.inference.predict(threshold_match_probability=KEPT_FROM).as_record_list()
    return [(one["record_id_l"], one["record_id_r"], one["match_probability"]) for one in found]


if __name__ == "__main__":
    csv.writer(sys.stdout).writerows(predicted(MODELS[sys.argv[1]](), Path(sys.argv[2])))
