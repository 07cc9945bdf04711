"""A form on a page becomes a consent: the whole system, a mail server, the page and the configuration of the manual.

The visitor is played by what a browser sends: the form is read from the page that we show, with all of its fields.
"""

import asyncio
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from deploy.local.plan import ROOT
from tests.support.mailbox import Mailbox, mailbox
from tests.support.system import System, running

MANUAL = (ROOT / "docs" / "connectors" / "form.md").read_text()
PAGE = (ROOT / "docs" / "examples" / "newsletter-form.html").read_text()
PATIENCE_S = 60
ORIGIN = {"Origin": "https://www.example.org"}


class Form(HTMLParser):
    """The one form of a page: where it posts to, and its fields with the values they begin with."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form and its inputs."""
        said = dict(attrs)
        if tag == "form":
            self.action = said.get("action") or ""
        if tag == "input" and (name := said.get("name")) is not None and said.get("type") != "checkbox":
            self.fields[name] = said.get("value") or ""


def configured(folder: Path) -> dict[str, str]:
    """The manual's configuration in a folder, and what `up` needs to use it."""
    (yaml,) = [text for text in re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL) if "opt_in" in text]
    read = YAML(typ="safe").load(yaml)
    folder.mkdir(parents=True)
    for key in ("sources", "rules", "channels"):
        with (folder / f"{key}.yaml").open("w") as file:
            YAML().dump({key: read[key]}, file)
    templates = ROOT / "deploy" / "config" / "templates"
    (folder / "templates").mkdir()
    for text in templates.glob("confirm.*.txt"):
        (folder / "templates" / text.name).write_text(text.read_text())
    return {"KONTAKTWERK_CONFIG_DIR": str(folder), "FORM_SECRET": "f" * 32}


async def test_a_form_becomes_a_consent_by_the_button_behind_the_mail(system_folder: Path, tmp_path: Path) -> None:
    settings = configured(tmp_path / "config")
    async with mailbox() as box:
        settings["SMTP_URL"] = f"smtp://127.0.0.1:{box.port}"
        async with running(system_folder, settings=settings) as system:
            await _sent(system)
            contact = await _one(system, "pending")
            assert contact["consents"][0]["asked"]["source"] == "fair-form"
            path = await _link_in(box)
            home = system.endpoints()["http"]
            async with system.session.get(home + path) as answer:
                asks = Form(await answer.text())
                assert (answer.status, asks.action) == (200, "")
            assert (await _one(system, "pending"))["version"] == contact["version"], "looking is no yes"
            async with system.session.post(home + path) as answer:
                assert answer.status == 200
            granted = await _one(system, "granted")
            assert granted["consents"][0]["asked"] is None
            assert len(box.mails) == 1


async def _sent(system: System) -> None:
    """Fill in the form of the page, and send it as a browser does."""
    form = Form(PAGE)
    filled = form.fields | {
        "given_name": "Anna", "family_name": "Adler", "email": "anna.adler@beispiel.de", "newsletter": "yes",
    }  # fmt: skip
    assert set(filled) == {"key", "given_name", "family_name", "email", "website2", "newsletter"}
    url = system.endpoints()["http"] + re.sub(r"^http://[^/]*", "", form.action)
    async with system.session.post(url, data=filled, headers=ORIGIN, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["location"]) == (303, "https://www.example.org/danke")


async def _one(system: System, status: str) -> dict[str, Any]:
    """The contact, as soon as its consent is this."""
    found: Any = None
    async with asyncio.timeout(PATIENCE_S):
        while True:
            _, found = await system.call("GET", "/v1/contacts", "reader")
            for one in found["items"]:
                if [each["status"] for each in one["consents"]] == [status]:
                    contact: dict[str, Any] = one
                    return contact
            await asyncio.sleep(0.2)


async def _link_in(box: Mailbox) -> str:
    """The path of the link in the mail."""
    async with asyncio.timeout(PATIENCE_S):
        await box.came.wait()
    (mail,) = box.mails
    assert mail["to"] == "anna.adler@beispiel.de"
    assert "Anna" not in mail.get_content(), "nothing that was typed into the form"
    (link,) = re.findall(r"https://crm\.example\.org(/hooks/fair-form/opt_\S+)", mail.get_content())
    return str(link)
