"""Which entries of a configuration would not be called, said before anything is."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from services.__main__ import app
from shared.commands.examining import State, of_reach
from shared.commands.reaching import Reach, unreachable
from shared.domain.configuration import Channel, Configuration, Fields, Provider, Source
from shared.runtime.addresses import Private

USUAL = Reach(Private.REFUSE, Private.LOOPBACK, Private.LOOPBACK)
OPEN = Reach(Private.ALLOW, Private.ALLOW, Private.ALLOW)


def configured(**more: object) -> Configuration:
    """A configuration with providers, channels and sources."""
    return msgspec.structs.replace(Configuration(digest="", sources={}, fields=Fields(), rules=()), **more)


def provider(url: str) -> Provider:
    return Provider(asks="email", url=url, fills={"/company/industry": "$.industry"})


EVERY = configured(
    providers={"near": provider("https://10.0.0.7/v1"), "far": provider("https://api.example.org/{email}"),
               "here": provider("https://127.0.0.1/v1")},
    channels={"mail": Channel(smtp="smtp://user:secret@192.168.1.5:587"), "own": Channel(smtp="smtp://127.0.0.1:25"),
              "hook": Channel(webhook="https://2130706433/hook"), "meta": Channel(webhook="http://169.254.169.254/"),
              "log": Channel()},
    sources={"shop": Source(connector="pretix", api="https://172.16.0.1"), "table": Source(connector="sql",
             url="postgresql://10.0.0.8/shop"), "form": Source()},
)  # fmt: skip


def test_what_would_be_refused_when_it_is_called_is_named_with_the_setting_that_allows_it() -> None:
    found = unreachable(EVERY, USUAL)
    assert [(one.place, one.setting.split("_")[1]) for one in found] == [
        ("providers.yaml: here.url", "ENRICH"),
        ("providers.yaml: near.url", "ENRICH"),
        ("channels.yaml: mail.smtp", "RULES"),
        ("channels.yaml: meta.webhook", "RULES"),
        ("sources.yaml: shop.api", "INGEST"),
    ]
    assert unreachable(EVERY, OPEN) == [], "the control: where everything may be called, nothing is said"
    strict = unreachable(EVERY, USUAL._replace(rules=Private.REFUSE))
    assert {"channels.yaml: own.smtp", "channels.yaml: hook.webhook"} <= {one.place for one in strict}


def test_a_doubt_shows_neither_address_nor_secret() -> None:
    text = " ".join(f"{one.found} {one.remedy}" for one in unreachable(EVERY, USUAL))
    assert "192.168" not in text
    assert "secret" not in text


def test_doctor_doubts_and_does_not_ask_for_mending() -> None:
    assert {check.state for check in of_reach(unreachable(EVERY, USUAL))} == {State.DOUBTFUL}


def test_a_url_that_is_none_is_left_to_those_who_read_it() -> None:
    assert unreachable(configured(channels={"odd": Channel(webhook="https://[::1/")}), USUAL) == []


def test_config_check_warns_and_still_says_what_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources.yaml").write_text(
        "sources:\n  shop: {connector: pretix, api: 'https://10.0.0.1', token: t-1, secrets: [s-1]}\n"
    )
    check = ["config", "check", str(tmp_path)]
    warned = CliRunner().invoke(app, check)
    assert warned.exit_code == 0, warned.output
    assert "? sources.yaml: shop.api" in warned.output
    monkeypatch.setenv("KONTAKTWERK_INGEST_PRIVATE_ADDRESSES", "allow")
    assert "?" not in CliRunner().invoke(app, check).output
