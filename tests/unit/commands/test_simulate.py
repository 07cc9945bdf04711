"""`simulate`: finds the source of a vendor, sends to it over HTTP, and says how it was answered."""

import json
import socket
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from shared.commands import simulating_api
from shared.commands.proofs import Body
from shared.commands.running import URL_VARIABLE, Failed, Running, WrongUsage
from shared.commands.simulate import Plan, check_api, deliveries, run, target_of
from shared.commands.simulating_api import played
from shared.commands.vendors import VENDORS
from shared.domain.configuration import Source

SOURCES = """
sources:
  fair: {connector: typeform, secrets: [secret]}
  letter: {connector: mailchimp, secrets: [secret]}
"""


async def test_a_vendor_is_sent_to_the_only_source_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES, "utf-8")
    monkeypatch.setenv("KONTAKTWERK_CONFIG_DIR", str(tmp_path))
    paths: Counter[str] = Counter()

    async def take(request: web.Request) -> web.Response:
        paths[request.path] += 1
        return web.Response(status=202 if request.path.endswith("/secret") else 401)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    running = Running(None, {URL_VARIABLE: f"http://{host}:{port}"})
    try:
        await run(running, "mailchimp", None, Plan(people=2, duplicates=0.4, bad_signatures=0.2), as_json=True)
    finally:
        await runner.cleanup()
    said = json.loads(capsys.readouterr().out)
    assert said == {"source": "letter", "sent": 8, "answers": {"202": 7, "401": 1}}
    assert paths == {"/hooks/letter/secret": 7, "/hooks/letter/secAet": 1}


async def test_the_api_that_hooks_point_to_is_played_until_all_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "sources.yaml").write_text(
        f"sources: {{letter: {{connector: cleverreach, secrets: [secret], key: verify-token, token: any, "
        f"api: 'http://localhost:{port}'}}}}",
        "utf-8",
    )
    monkeypatch.setenv("KONTAKTWERK_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr(simulating_api, "IDLE_S", 0.01)  # all is asked for before the hook is answered
    fetched: list[str] = []

    async def ask(pool: str) -> None:
        async with aiohttp.ClientSession() as session:
            for path, status in ((f"/v3/groups.json/1939/receivers/{pool}", 200), ("/v3/whoami", 404)):
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    assert answer.status == status
                    fetched.extend([(await answer.json())["email"]] if status == 200 else [])

    async def take(request: web.Request) -> web.Response:
        await ask((await request.json())["payload"]["pool_id"])
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running = Running(None, {URL_VARIABLE: f"http://127.0.0.1:{runner.addresses[0][1]}"})
    try:
        await run(running, "cleverreach", None, Plan(people=3), api=port, as_json=False)
    finally:
        await runner.cleanup()
    assert capsys.readouterr().out.splitlines() == [
        "7 requests of cleverreach to letter: 7 x 202",
        "3 of 3 things that they point to were asked for",
    ]
    assert len(set(fetched)) == 3


def test_an_api_is_played_only_where_the_source_asks_for_it() -> None:
    with pytest.raises(WrongUsage, match="point to no API"):
        check_api("tally", "fair", Source(connector="tally"), 9009)
    here = Source(connector="hubspot", api="http://localhost:9009", token="any")
    check_api("hubspot", "crm", here, 9009)
    for source in (Source(connector="hubspot", token="any"), Source(connector="hubspot", api=here.api), here):
        with pytest.raises(WrongUsage, match="api: http://localhost:9010"):
            check_api("hubspot", "crm", source, 9010)


async def test_a_port_that_is_taken_is_said() -> None:
    async with played({}, 0):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(Failed, match="is taken"):
                async with played({}, taken.getsockname()[1]):
                    pass


async def test_nobody_there_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources.yaml").write_text(SOURCES, "utf-8")
    monkeypatch.setenv("KONTAKTWERK_CONFIG_DIR", str(tmp_path))
    with pytest.raises(Failed, match="did not answer 1 of 1"):
        await run(Running(None, {URL_VARIABLE: "http://127.0.0.1:1"}), "typeform", "fair", Plan(people=1), as_json=True)


def test_a_source_that_is_none_of_this_vendor_or_has_no_secret_is_refused() -> None:
    sources = {"a": Source(connector="tally", secrets=("x",)), "b": Source(connector="tally"), "c": Source()}
    assert target_of("tally", "a", sources, "http://door").url == "http://door/hooks/a"
    for source in (None, "c", "nobody"):
        with pytest.raises(WrongUsage):
            target_of("tally", source, sources, "http://door")
    with pytest.raises(Failed, match="no secret"):
        target_of("tally", "b", sources, "http://door")


def test_the_same_seed_and_run_send_the_same_in_the_same_order() -> None:
    plan = Plan(people=5, duplicates=0.5, bad_signatures=0.5, out_of_order=True)
    once, again = (deliveries(VENDORS["brevo"], plan, "run") for _ in range(2))
    assert once == again
    assert len(once) == 2 * len({one.body for one in once})
    assert all(isinstance(one.body, Body) for one in once)
    assert deliveries(VENDORS["brevo"], Plan(people=5, duplicates=0.5, seed=2), "run") != once
