"""The configuration: read as the contract shows it, and wrong in words that say what to change."""

from pathlib import Path

import pytest

from shared.runtime.configuration import Misconfigured, load

SOURCES = "sources:\n  webform: {connector: generic, trust: 50}\n"


def written(folder: Path, sources: str = SOURCES, fields: str = "", rules: str = "") -> Path:
    for name, text in (("sources", sources), ("fields", fields), ("rules", rules)):
        if text:
            (folder / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def test_the_default_configuration_is_good_and_has_the_sources_of_the_contract() -> None:
    configuration = load(Path("deploy/config"))
    assert set(configuration.sources) == {"webform", "newsletter", "registration", "crm"}
    assert {source.connector for source in configuration.sources.values()} == {"generic"}


def test_absent_files_are_empty_ones_but_sources_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"sources.yaml: missing or empty"):
        load(tmp_path)
    configuration = load(written(tmp_path))
    assert (configuration.rules, configuration.fields.required) == ((), {})


def test_yaml_1_2_keeps_texts(tmp_path: Path) -> None:
    rules = """
rules:
  - name: a
    when: "true"
    then: {category: NO}
    tests: [{given: {postcode: 01067, at: 18:00, day: 2026-01-01, country: NO, on: off, count: 12, share: 0.5}}]
"""
    (rule,) = load(written(tmp_path, rules=rules)).rules
    assert rule.then.category == "NO"
    assert rule.tests[0]["given"] == {
        "postcode": "01067",
        "at": "18:00", "day": "2026-01-01", "country": "NO", "on": "off", "count": 12, "share": 0.5
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "word"),
    [
        ("sources:\n  webform: {trsut: 50}\n", "sources.webform: unknown key `trsut`, did you mean `trust`?"),
        ("sources:\n  webform: {connector: typo}\n", "sources.webform.connector"),
        ("sources:\n  webform: {trust: high}\n", "sources.webform.trust"),
        ("sources:\n  webform: {trust: 101}\n", "from 0 to 100"),
        ("sources:\n  webform: {country: Germany}\n", "two capital letters"),
        ("sources:\n  webform: {unique: [number]}\n", "sources.webform.unique: is a list of fields"),
        ("sources:\n  Web Form: {}\n", "a source's name"),
        ("sources:\n  a: {}\n  a: {}\n", "line 3.*duplicate key"),
        ("source:\n  a: {}\n", "unknown key `source`, did you mean `sources`"),
        ("- a\n", "begins with `sources:`"),
        ("sources: [\n", "line 2"),
        ("sources:\n  a: {secrets: ['env:KW_NOT_SET']}\n", "environment variable KW_NOT_SET is not set"),
        ("sources:\n  a: {secrets: ['file:none.txt']}\n", "file none.txt is missing"),
        ("sources: !!python/object:os.system {}\n", "sources.yaml"),
    ],
)
def test_what_is_wrong_is_said_by_place(tmp_path: Path, sources: str, word: str) -> None:
    with pytest.raises(Misconfigured, match=word):
        load(written(tmp_path, sources))


def test_rules_are_named_and_unique(tmp_path: Path) -> None:
    rule = "  - {name: vip, when: 'true', then: {catgory: vip}}\n"
    with pytest.raises(Misconfigured, match=r"rules.vip.then: unknown key `catgory`, did you mean `category`"):
        load(written(tmp_path, rules="rules:\n" + rule))
    good = rule.replace("catgory", "category")
    with pytest.raises(Misconfigured, match="two rules of this name"):
        load(written(tmp_path, rules="rules:\n" + good + good))


def test_secrets_come_from_the_environment_or_a_file_and_are_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("from-file\n")
    folder = written(tmp_path, "sources:\n  a: {secrets: ['env:KW_S', 'file:secret.txt', plain]}\n")
    configuration = load(folder, {"KW_S": "from-env"})
    assert configuration.sources["a"].secrets == ("from-env", "from-file", "plain")
    assert "from-" not in repr(configuration)


def test_the_digest_is_of_the_files_and_not_of_the_secrets(tmp_path: Path) -> None:
    folder = written(tmp_path, "sources:\n  a: {secrets: ['env:KW_S']}\n")
    one, other = load(folder, {"KW_S": "x"}), load(folder, {"KW_S": "y"})
    assert one.digest == other.digest
    written(tmp_path, fields="required: {mail: [email]}\n")
    assert load(folder, {"KW_S": "x"}).digest != one.digest


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="not UTF-8"):
        load(tmp_path)
    (tmp_path / "sources.yaml").write_text("#" * 1_100_000)
    with pytest.raises(Misconfigured, match="more than"):
        load(tmp_path)
