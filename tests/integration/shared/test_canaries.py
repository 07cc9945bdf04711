"""Goal: whatever goes wrong, the verbs tried here print no secret, and no error of a setting quotes one.

Method: every secret of the environment is a canary; verbs are run as people run them, against nothing and against what
cannot work, and what they print is searched. That the search finds what is there is shown by a value that is no secret.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.plan import ROOT

CANARY = "kanarienvogel"
SECRETS = {
    "DATABASE_URL": f"postgresql://somebody:{CANARY}-database@127.0.0.1:9/nowhere",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "PLAIN",
    "KAFKA_SASL_USERNAME": "somebody",
    "KAFKA_SASL_PASSWORD": f"{CANARY}-kafka",
    "KONTAKTWERK_TOKEN": f"kw_{CANARY}-token",
    "KONTAKTWERK_URL": "http://127.0.0.1:9",
    "KONTAKTWERK_INGEST_RECORD_KEY": f"{CANARY}-record-key",
    "HOOK_SECRET": f"{CANARY}-hook-secret-of-32-characters",
    "TABLE_URL": f"postgresql://reader:{CANARY}-table@127.0.0.1:9/theirs",
    "API_TOKEN": f"{CANARY}-api",
    "SMTP_URL": f"smtp://somebody:{CANARY}-smtp@127.0.0.1:9",
    "SALES_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "PROVIDER_KEY": f"{CANARY}-provider",
}
"""What the environment holds. The Standard Webhooks secret has a form of its own, and counts as a canary, too."""

FILES = {
    "sources.yaml": """
sources:
  shop: {connector: typeform, secrets: ["env:HOOK_SECRET"]}
  billing: {connector: sql, url: "env:TABLE_URL", query: "select 1 as id", key: id}
  members: {connector: hubspot-contacts, token: "env:API_TOKEN"}
""",
    "channels.yaml": """
channels:
  mail: {smtp: "env:SMTP_URL", from: crm@example.de}
  sales: {webhook: "https://example.org/hooks", secret: "env:SALES_SECRET"}
""",
    "providers.yaml": """
providers:
  companies: {asks: company_domain, url: "https://example.org/{company_domain}", auth: {bearer: "env:PROVIDER_KEY"},
              fills: {company.industry: "$.industry"}}
""",
}

BROKEN = {
    "a secret that is too short": {"SALES_SECRET": f"whsec_{CANARY}"},
    "a table that is no address": {"TABLE_URL": f"nothing {CANARY}"},
    "a mail server that is no address": {"SMTP_URL": f"ftp://{CANARY}"},
}
SETTINGS = {
    "a database that is no address": ("migrate", {"DATABASE_URL": f"postgresql//{CANARY}"}),
    "a protocol that is none": ("topics", {"KAFKA_SECURITY_PROTOCOL": CANARY}),
}

VERBS = (("config", "check"), ("doctor",), ("status",), ("tokens", "list"))
"""Those that ask once; others ask the same way, and for half a minute or two."""


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    """A configuration folder."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def printed(folder: Path, verb: tuple[str, ...], **changed: str) -> str:
    """What a verb prints, all of it."""
    environment = {**os.environ, **SECRETS, **changed, "KONTAKTWERK_CONFIG_DIR": str(folder)}
    command = [sys.executable, "-m", "services", *verb]
    ran = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    return ran.stdout + ran.stderr


def assert_no_canary(said: str) -> None:
    """Nothing secret, in whole or in part."""
    assert CANARY not in said, said
    assert CANARY[:6] not in said, said
    assert SECRETS["SALES_SECRET"][6:] not in said, said


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_prints_a_secret_when_nobody_answers(folder: Path, verb: tuple[str, ...]) -> None:
    said = printed(folder, verb)
    assert said.strip(), "it says something"
    assert_no_canary(said)


@pytest.mark.parametrize("changed", BROKEN.values(), ids=BROKEN)
def test_no_error_quotes_what_a_configuration_cannot_use(folder: Path, changed: dict[str, str]) -> None:
    assert_no_canary(printed(folder, ("config", "check"), **changed))


@pytest.mark.parametrize(("verb", "changed"), SETTINGS.values(), ids=SETTINGS)
def test_no_error_quotes_a_setting_that_cannot_be_used(folder: Path, verb: str, changed: dict[str, str]) -> None:
    assert_no_canary(printed(folder, (verb,), **changed))


def test_the_search_finds_what_is_there(folder: Path) -> None:
    (folder / "sources.yaml").write_text(f"sources: {{{CANARY}: {{connector: none}}}}")
    with pytest.raises(AssertionError):
        assert_no_canary(printed(folder, ("config", "check")))
