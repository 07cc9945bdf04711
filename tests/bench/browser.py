"""The form of docs/examples in a real browser: filled in, sent, and confirmed by the link in the mail.

`python -m tests.bench.browser [--shots FOLDER]` wants Chromium and its driver (Debian: `apt-get install chromium
chromium-driver`), starts the whole system with the configuration of docs/connectors/form.md, a mail server and a server
for the page, and drives the browser over WebDriver (w3.org/TR/webdriver2). With `--shots` it keeps pictures of what a
visitor sees. Exit 1 where anything is not as it should be, 2 where there is no browser.
"""

import argparse
import asyncio
import base64
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from rich.console import Console

from deploy.local.plan import ROOT
from tests.e2e.test_double_opt_in import configured
from tests.support.mailbox import Mailbox, mailbox
from tests.support.system import System, running

ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver names an element (section 12.2 of its specification)."""

FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=900,760",
)  # fmt: skip
PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.2
PAGE: Final = (ROOT / "docs" / "examples" / "newsletter-form.html").read_text()
FILLED: Final = {"given_name": "Anna", "family_name": "Adler", "email": "anna.adler@beispiel.de"}


class Wrong(Exception):
    """Something is not as it should be."""


class Browser:
    """One window, by WebDriver."""

    def __init__(self, session: aiohttp.ClientSession, url: str, shots: Path | None) -> None:
        self._session, self._url, self._shots = session, url, shots

    async def ask(self, method: str, path: str, **said: Any) -> Any:
        """One command; its value. Raises Wrong with what the driver says."""
        body = said if method == "POST" else None
        async with self._session.request(method, self._url + path, json=body) as answer:
            value = (await answer.json())["value"]
        if answer.status != 200:
            raise Wrong(f"{path}: {value['error']}")
        return value

    async def open(self, url: str) -> None:
        """Go to a page."""
        await self.ask("POST", "/url", url=url)

    async def find(self, selector: str) -> str:
        """The path of an element."""
        found = await self.ask("POST", "/element", using="css selector", value=selector)
        return f"/element/{found[ELEMENT]}"

    async def text(self) -> str:
        """What a visitor reads."""
        return str(await self.ask("GET", f"{await self.find('body')}/text"))

    async def click(self, selector: str) -> None:
        """Click."""
        await self.ask("POST", f"{await self.find(selector)}/click")

    async def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        await self.ask("POST", f"{await self.find(selector)}/value", text=text)

    async def shot(self, name: str) -> None:
        """Keep a picture."""
        if self._shots is not None:
            self._shots.mkdir(parents=True, exist_ok=True)
            picture = base64.b64decode(await self.ask("GET", "/screenshot"))
            (self._shots / f"{name}.png").write_bytes(picture)


@asynccontextmanager
async def browser(shots: Path | None) -> AsyncGenerator[Browser]:
    """A Chromium without window. Raises Wrong where there is none."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or chromium is None:
        raise FileNotFoundError
    process = await asyncio.create_subprocess_exec(
        driver, "--port=0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None, "it is a pipe"
    try:
        async with asyncio.timeout(PATIENCE_S):
            port = None
            async for line in process.stdout:
                if (port := re.search(rb"started successfully on port (\d+)", line)) is not None:
                    break
        if port is None:
            raise Wrong("chromedriver ended before it listened")
        async with aiohttp.ClientSession(f"http://127.0.0.1:{int(port[1])}/") as session:
            options = {
                "goog:chromeOptions": {"binary": chromium, "args": [*FLAGS], "prefs": {"intl.accept_languages": "de"}}
            }
            wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", **options}}}
            async with session.post("/session", json=wanted) as answer:
                opened = (await answer.json())["value"]
            if "sessionId" not in opened:
                raise Wrong(f"no window: {opened.get('message', '')[:200]}")
            window = Browser(session, f"/session/{opened['sessionId']}", shots)
            yield window
            await window.ask("DELETE", "")
    finally:
        process.terminate()
        await process.wait()


@dataclass
class Site:
    """Somebody's static site: its address and its one page; `/danke` is the page of thanks."""

    address: str = ""
    page: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        """Whatever is asked for."""
        text = "<h1>Danke</h1>" if request.path == "/danke" else self.page
        return web.Response(text=text, content_type="text/html")


@asynccontextmanager
async def site() -> AsyncGenerator[Site]:
    """A site on a server of its own."""
    ours = Site()
    application = web.Application()
    application.router.add_get("/{path:.*}", ours.answer)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ours.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield ours
    finally:
        await runner.cleanup()


async def visit(folder: Path, shots: Path | None, console: Console) -> None:
    """The whole way of one visitor. Raises Wrong where it ends."""
    async with mailbox() as box, browser(shots) as window, site() as listed, site() as stranger:
        settings = configured(folder / "config") | {"SMTP_URL": f"smtp://127.0.0.1:{box.port}"}
        sources = folder / "config" / "sources.yaml"
        sources.write_text(sources.read_text().replace("https://www.example.org", listed.address))
        console.print("the system starts")
        async with running(folder / "data", settings=settings) as system:
            listed.page = stranger.page = PAGE.replace("http://127.0.0.1:8000", system.endpoints()["http"])
            await _walk(window, box, system, listed, stranger, console)


async def _walk(window: Browser, box: Mailbox, system: System, listed: Site, stranger: Site, console: Console) -> None:
    await _sent(window, stranger.address)
    await _reads(window, "Unauthorized")
    console.print("from a page that is not listed: refused")
    await _sent(window, listed.address, "1-form")
    await _reads(window, "Danke")
    console.print("from the page that is listed: taken, and led to the page of thanks")
    async with asyncio.timeout(PATIENCE_S):
        await box.came.wait()
    (link,) = re.findall(r"https://crm\.example\.org(/hooks/\S+)", box.mails[0].get_content())
    await window.open(system.endpoints()["http"] + link)
    await _reads(window, "Bitte bestätigen Sie")
    await window.shot("2-confirm")
    await window.click("button")
    await _reads(window, "Danke, das ist bestätigt")
    await window.shot("3-confirmed")
    console.print("the link in the mail: a page with a button, and its yes is taken")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await _consents(system) == ["granted"]:
                break
            await asyncio.sleep(LOOK_S)
    console.print("the contact: one, its consent granted; mails that were sent:", len(box.mails))


async def _sent(window: Browser, address: str, shot: str | None = None) -> None:
    """Fill the form in and send it."""
    await window.open(address)
    for name, value in FILLED.items():
        await window.type(f"input[name={name}]", value)
    await window.click("input[name=newsletter]")
    if shot is not None:
        await window.shot(shot)
    await window.click("button")


async def _reads(window: Browser, words: str) -> None:
    """Wait until a visitor reads this."""
    text = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if words in (text := await window.text()):
                    break
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise Wrong(f"expected {words!r}, the page says {text[:200]!r}") from None


async def _consents(system: System) -> list[str]:
    _, found = await system.call("GET", "/v1/contacts", "reader")
    return [one["status"] for item in found["items"] for one in item["consents"]]


def main() -> int:
    """See the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=Path, help="a folder for pictures of what a visitor sees")
    console, folder = Console(), Path(tempfile.mkdtemp(prefix="kontaktwerk-browser-"))
    folder.chmod(0o755)
    try:
        asyncio.run(visit(folder, parser.parse_args().shots, console))
    except FileNotFoundError:
        console.print("there is no chromium with its chromedriver; Debian: apt-get install chromium chromium-driver")
        return 2
    except (Wrong, TimeoutError) as error:
        console.print(f"not as it should be: {error}")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
