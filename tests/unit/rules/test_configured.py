"""The files say what the contract shows, and whatever could never work is refused by file, rule and key."""

from pathlib import Path

import pytest

from services.rules.core.loading import InvalidRules, rulebook_of
from services.rules.core.rulebook import Rulebook
from shared.runtime.configuration import Misconfigured, load

CHANNELS = """
channels: {mail: {smtp: "env:SMTP_URL", from: crm@example.de},
           sales-hook: {webhook: "env:SALES_HOOK", secret: "env:SALES_SECRET"}, log: {}}
"""
RULES = """
rules:
  - name: vip
    when: contact.company.industry == "insurance" && timeline.count("purchase", 365) > 3
    then: {category: vip, segment: key-accounts, score: 20}
  - name: birthday-mail
    at: {anniversary: birthday, time: "08:00"}
    when: contact.emails.exists(e, e.status == "valid")
    then: {mail: {purpose: birthday, template: birthday}}
  - name: contract-ends
    at: {before: attributes.contract_end, by: 30d, valid_for: 10d}
    then: {segment: renewals, notify: {channel: sales-hook}}
  - name: gone-quiet
    at: {inactive: 180d}
    then: {category: inactive, notify: {channel: log}}
    tests: [{given: {timeline: {last: 2026-01-01}}, day: 2026-11-22, expect: {category: inactive}}]
  - name: no-phone
    at: {missing: phone, for: 14d}
    then: {notify: {channel: mail, to: owner, template: missing-phone}}
"""
SECRETS = {
    "SMTP_URL": "smtp://localhost:2525",
    "SALES_HOOK": "https://example.org/hook",
    "SALES_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}
TEXT = "Subject: Hallo {{ contact.name.given | da }}\n\n{{ greeting }}\n"


def written(
    folder: Path, rules: str = RULES, channels: str = CHANNELS, template: str = TEXT, secrets: dict[str, str] = SECRETS
) -> Rulebook:
    """The rules of a folder with these files."""
    (folder / "templates").mkdir()
    (folder / "sources.yaml").write_text("sources: {webform: {country: DE}}")
    (folder / "rules.yaml").write_text(rules)
    (folder / "channels.yaml").write_text(channels)
    for name in ("birthday.de", "birthday.en", "missing-phone.de"):
        (folder / "templates" / f"{name}.txt").write_text(template)
    return rulebook_of(load(folder, secrets))


def test_the_files_of_the_contract_can_be_used(tmp_path: Path) -> None:
    book = written(tmp_path)
    assert [one.rule.name for one in book.rules] == ["vip", "birthday-mail", "contract-ends", "gone-quiet", "no-phone"]
    assert book.plans
    assert book.reads_timeline
    assert "whsec" not in repr(book.channels) + repr(load(tmp_path, SECRETS).channels)


def test_the_rules_that_come_with_it_can_be_used() -> None:
    configuration = load(Path(__file__).parents[3] / "deploy" / "config")
    assert {rule.rule.name for rule in rulebook_of(configuration).rules} >= {"business", "newsletter"}


AT = "rules: [{name: a, at: {%s}, then: {category: b}}]"
THEN = 'rules: [{name: a, when: "true", then: {%s}}]'
WRONG = [
    (AT % "inactive: 180d, missing: phone, for: 2d", "at.names exactly one of"),
    (AT % "inactive: soon", "at.inactive: is a duration such as"),
    (AT % "inactive: 0d", "at.inactive: is more than nothing"),
    (AT % "missing: fone, for: 2d", "at.missing: unknown field fone, did you mean phone"),
    (AT % "missing: phone", "at.for: says how long"),
    (AT % 'anniversary: birthday, time: "25:00"', "at.time: is a time of day"),
    (AT % "anniversary: attributes", "at.anniversary: attributes is no date"),
    (AT % "before: birthdy", "at.before: birthdy is no date"),
    (AT % "before: birthday, for: 3d", "at.for: says nothing beside before"),
    (AT % "inactive: 3d, leap_day: 03-01", "at.leap_day: says nothing beside inactive"),
    ("rules: [{name: a, then: {category: b}}]", "when: is missing"),
    (THEN % "notify: {channel: sales-hok}", "no channel sales-hok, did you mean sales-hook"),
    (THEN % "notify: {channel: mail, to: owner}", "then.notify.template: is missing"),
    (THEN % "notify: {channel: mail, template: birthday}", "then.notify.to: is missing"),
    (THEN % "notify: {channel: mail, to: anna, template: birthday}", "then.notify.to: is owner or a mail address"),
    (THEN % "notify: {channel: log, to: owner}", "log sends no mail"),
    (THEN % "mail: {purpose: news, template: birthdy}", "no template birthdy, did you mean birthday"),
    (THEN % "mail: {purpose: news, template: birthday, channel: log}", "log sends no mail"),
    ('rules: [{name: a, when: "true", then: {category: b}, tests: [{day: 2026-01-01, expect: {categry: b}}]}]',
     r"tests\[0\]: expect: unknown key categry, did you mean category"),
    ('rules: [{name: a, when: "false", then: {category: b}, tests: [{day: 2026-01-01, expect: {category: b}}]}]',
     r"rules.a.tests\[0\]: expected category b, got none \(the rule gives b\)"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "fault"), WRONG)
def test_what_could_never_work_is_refused_with_its_key(tmp_path: Path, rules: str, fault: str) -> None:
    with pytest.raises(InvalidRules, match=fault):
        written(tmp_path, rules)


@pytest.mark.parametrize(
    ("key", "rule"),
    [("unknown key `anniversry`, did you mean `anniversary`", AT % "anniversry: birthday"),
     ("unknown key `templte`, did you mean `template`", THEN % "mail: {purpose: a, templte: b}")],
)  # fmt: skip
def test_a_slip_of_the_pen_below_a_rule_is_found(tmp_path: Path, key: str, rule: str) -> None:
    with pytest.raises(Misconfigured, match=key):
        written(tmp_path, rule)


@pytest.mark.parametrize(
    ("channel", "fault"),
    [
        ("{smtp: localhost, from: a@b.de}", "smtp: is a URL"),
        ('{smtp: "smtp://localhost"}', "from: is the address"),
        ('{smtp: "smtp://h", from: a@b.de, owners: {anna: anna}}', "owners.anna: is a mail address"),
        ('{webhook: "ftp://h", secret: "env:SALES_SECRET"}', "webhook: is a URL"),
        ('{webhook: "https://h"}', "secret: is whsec_"),
        ('{webhook: "https://h", secret: whsec_c2hvcnQ=}', "secret: is whsec_"),
        ('{webhook: "https://h", secret: "env:SALES_SECRET", smtp: "smtp://h", from: a@b.de}', "not both"),
        ("{to: a@b.de}", "go with smtp"),
    ],
)
def test_a_channel_that_could_send_nothing_is_refused_without_its_secret(
    tmp_path: Path, channel: str, fault: str
) -> None:
    with pytest.raises(InvalidRules, match=f"channels.yaml: channels.x: .*{fault}") as refused:
        written(tmp_path, "rules: []", f"channels: {{x: {channel}}}")
    assert "MfKQ9r8" not in str(refused.value)


def test_a_secret_that_is_not_set_is_said_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"channels\.mail\.smtp: the environment variable SMTP_URL is not set"):
        written(tmp_path, secrets={})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Subject: a\n\n{{ contact.name.gven }}", "unknown place {{ contact.name.gven }}, did you mean given"),
        ("Subject: a\n\n{{ greting }}", "unknown place {{ greting }}, did you mean greeting"),
        ("Subject: a\n\n{{ contact.emails }}", "is no single value"),
        ("Subject: a\n\n{{ contact.emails.value }}", "into a list without a number"),
        ("Subject: a\n\n{{ contact.birthday.year }}", "below a single value"),
        ("Subject: a\n\n{{ contact.name.given", "without its other half"),
        ("Hallo\n", "begins with a line `Subject"),
    ],
)
def test_a_template_with_an_unknown_place_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        written(tmp_path, template=text)
    assert fault in str(refused.value)
    assert "templates/birthday.de.txt" in str(refused.value)
