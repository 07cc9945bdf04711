"""Goal: what a running system says in passing (logs, metrics, keys, errors) holds neither personal data nor secrets.

Method: people, hooks, files and rubbish whose every value is a canary go through a whole system whose providers, hooks
and mail servers do not answer and whose secrets are canaries, too; one stage is killed. Then everything that it says is
searched. That the search finds what is there is shown by what may hold it: the values on the topics, and `--reveal`.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.plan import ROOT
from shared.topology import SERVICES, TOPICS
from tests.support.system import System, running

BIRD = "kanarien"
"""Part of every personal word; digits have a canary of their own."""

DIGITS = "4711081542"
SECRETS = {
    "HOOK_SECRET": "hookbird-of-thirty-two-characters",
    "ORDERS_TOKEN": "ordersbird",
    "PROVIDER_KEY": "providerbird",
    "SMTP_URL": "smtp://somebody:smtpbird@127.0.0.1:9",
    "SALES_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "KONTAKTWERK_INGEST_RECORD_KEY": "recordbird-of-thirty-two-characters",
}
CANARIES = (BIRD, DIGITS, "hookbird", "ordersbird", "providerbird", "smtpbird", "MfKQ9r8GKYqrTwjU", "recordbird")

FILES = {
    "sources.yaml": """
sources:
  crm: {connector: generic, country: DE}
  shop: {connector: generic, secrets: ["env:HOOK_SECRET"], map: {family_name: customer.name, email: customer.mail}}
  tickets: {connector: pretix, api: "http://127.0.0.1:9", token: "env:ORDERS_TOKEN", secrets: ["env:HOOK_SECRET"]}
""",
    "channels.yaml": """
channels:
  log: {}
  mail: {smtp: "env:SMTP_URL", from: crm@example.de, to: kanarienchef@example.de}
  sales: {webhook: "http://127.0.0.1:9/hooks", secret: "env:SALES_SECRET"}
""",
    "providers.yaml": """
providers:
  companies: {asks: company_domain, url: "http://127.0.0.1:9/{company_domain}", auth: {bearer: "env:PROVIDER_KEY"},
              fills: {company.industry: "$.industry"}}
""",
    "rules.yaml": """
rules:
  - {name: told, when: has(contact.name.family), then: {notify: {channel: log}}}
  - {name: mailed, when: has(contact.name.family), then: {notify: {channel: mail, template: told}}}
  - {name: hooked, when: has(contact.name.family), then: {notify: {channel: sales}}}
""",
}

FILES["templates/told.de.txt"] = "Subject: {{ contact.name.full }}\n\n{{ greeting }}\n"
PERSON: dict[str, Any] = {
    "source": "crm", "source_record_id": "kanarien-7", "given_name": "Kanariena", "family_name": "Kanarienvogel",
    "email": "kanarien.vogel@kanarienfirma.example", "phone": f"+49 {DIGITS}", "street": "Kanarienweg 7",
    "postcode": "01067", "city": "Kanarienstadt", "company": "Kanarien GmbH", "birthday": "1980-02-03",
    "attributes": {"kanarienfarbe": "kanariengelb"},
}  # fmt: skip
REFUSED: tuple[tuple[str, Any], ...] = (
    ("/v1/records", [PERSON | {"birthday": {"kanarien": 1}}]),
    ("/v1/records", [PERSON | {"family_name": "Kanarien" * 5_000}]),
    ("/v1/records", [PERSON | {"source": "kanarien"}]),
    ("/v1/records", [PERSON | {"observed_at": "kanarien"}]),
    ("/v1/interactions", [{"source": "crm", "source_record_id": "kanarien-7", "type": "kanarien!", "at": "kanarien"}]),
)
NOT_JSON = b'{"family_name": "Kanarienvogel", '


async def test_what_a_system_says_in_passing_holds_neither_people_nor_secrets(
    system_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "templates").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    settings = SECRETS | {
        "KONTAKTWERK_CONFIG_DIR": str(tmp_path), "KONTAKTWERK_ENRICH_PRIVATE_ADDRESSES": "allow",
        "KONTAKTWERK_VALIDATE_DNS": "off", "KONTAKTWERK_PARTITIONS": "3",
    }  # fmt: skip
    async with running(system_folder / "data", "dedup=1", settings) as system:
        answers = await _told(system)
        system.kill("dedup")
        await system.settled(5)
        letters = json.loads(await _verb(system.data, "dead-letters", "list", "--json"))["items"]
        said = dict(answers) | await _verbs(system, letters) | await _pages(system) | dict(await _keys(system, "key"))
        values = dict(await _keys(system, "value"))
        revealed = [await _verb(system.data, "dead-letters", "show", one["id"], "--reveal") for one in letters]
        tokens = [token for token in system.endpoints()["tokens"].values() if token]
    said |= _files(system_folder)
    assert len(letters) >= 3, "bytes that are none, an order that nobody tells, and a hook that is not JSON"
    screen = said.pop("data/up.log")  # whoever starts it is shown the tokens of its own
    assert found({"screen": screen}) == []
    assert found(said, tokens) == []
    assert found(values), "the control: where people may stand, the search finds them"
    assert found({"revealed": "\n".join(revealed)}), "and in a letter that was asked for"


def found(said: Mapping[str, str], secrets: Iterable[str] = ()) -> list[str]:
    """Which canary stands where."""
    return [
        f"{canary} in {place}: …{text[max(0, at - 200) : at + 100]}"
        for place, text in said.items()
        for canary in (*CANARIES, *secrets)
        if (at := text.lower().find(canary.lower())) >= 0
    ]


async def _told(system: System) -> Iterator[tuple[str, str]]:
    """Good and bad things by every way in; what was answered to the bad ones."""
    answers: dict[str, str] = {}
    other = PERSON | {"source_record_id": "kanarien-8", "given_name": "Kanarieno"}
    await system.post_until_accepted([PERSON, other])
    home, secret = system.endpoints()["http"], SECRETS["HOOK_SECRET"]
    json_ = {"Content-Type": "application/json"}
    for place, (path, body) in enumerate(REFUSED):
        status, answer = await system.call("POST", path, "sender", json=body)
        assert status in (202, 413, 422), (path, status)
        answers[f"answer {place} of {path}"] = json.dumps(answer)
    hook = json.dumps({"customer": {"name": "Kanarienvogel", "mail": "kanarien@example.org"}}).encode()
    order = json.dumps({"notification_id": 1, "organizer": "kanarien", "event": "kanarien", "code": "KANARIEN",
                        "action": "pretix.event.order.paid"}).encode()  # fmt: skip
    for source, way, body in (
        ("shop", secret, hook), ("shop", secret, NOT_JSON), ("shop", "kanarienwrong", hook), ("tickets", secret, order),
        ("kanarien", secret, hook),
    ):  # fmt: skip
        async with system.session.post(f"{home}/hooks/{source}/{way}", data=body, headers=json_) as answer:
            text = await answer.text()
            answers[f"answer of /hooks/{source}"] = text if source != "kanarien" else ""
    producer = AIOKafkaProducer(bootstrap_servers=system.endpoints()["kafka"])
    await producer.start()
    await producer.send_and_wait("contacts.received", NOT_JSON, key=b"no-key")
    await producer.send_and_wait("contacts.resolved", json.dumps({"contact_id": "Kanarien"}).encode(), key=b"no-key")
    await producer.stop()
    return iter(answers.items())


async def _verbs(system: System, letters: list[Any]) -> dict[str, str]:
    """What verbs print that were not asked to reveal."""
    words = [
        ("status",), ("status", "--json"), ("status", "--sources"), ("doctor",), ("dead-letters", "list"),
        ("tokens", "list"), *(("dead-letters", "show", one["id"]) for one in letters),
    ]  # fmt: skip
    return {" ".join(one): await _verb(system.data, *one) for one in words}


async def _pages(system: System) -> dict[str, str]:
    """What every process says to those who watch it, and the letters over HTTP."""
    ports = json.loads((system.data / "run" / "ports.json").read_text())
    told: dict[str, str] = {}
    for name in SERVICES:
        for page in ("metrics", "healthz", "readyz"):
            async with system.session.get(f"http://127.0.0.1:{ports[f'{name}-1']}/{page}") as answer:
                told[f"{name}/{page}"] = await answer.text()
    _, letters = await system.call("GET", "/v1/dead-letters")
    return told | {"/v1/dead-letters": json.dumps(letters)}


async def _keys(system: System, part: str) -> Iterator[tuple[str, str]]:
    """Keys and headers of every message on every topic; or, for the control, their values."""
    said = {f"{part}s of {topic.name}": await _topic(system, topic.name, part) for topic in TOPICS}
    assert sum(map(bool, said.values())) > 5
    return iter(said.items())


async def _topic(system: System, name: str, part: str) -> str:
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=system.endpoints()["kafka"], group_id=None, auto_offset_reset="earliest"
    )
    await consumer.start()
    ends = await consumer.end_offsets(consumer.assignment())
    held: list[bytes | None] = []
    while any([await consumer.position(one) < end for one, end in ends.items()]):
        for messages in (await consumer.getmany(timeout_ms=500)).values():
            held += [one.value if part == "value" else repr((one.key, one.headers)).encode() for one in messages]
    await consumer.stop()
    return "\n".join((one or b"").decode(errors="replace") for one in held)


def _files(folder: Path) -> dict[str, str]:
    """Every log of every process, Kafka's and Postgres' own among them."""
    data = folder / "data"
    logs = [one for pattern in ("*.log", "logs/**/*", "run/**/*.log") for one in data.glob(pattern) if one.is_file()]
    assert {one.name.partition(".")[0].partition("-")[0] for one in logs} >= {"postgres", "kafka", *SERVICES}, logs
    return {str(one.relative_to(folder)): one.read_text(errors="replace") for one in logs}


async def _verb(data: Path, *words: str) -> str:
    """What a verb prints, all of it."""
    command = [sys.executable, "-m", "services", *words, "--data", str(data)]
    ran = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return str(ran.stdout + ran.stderr)
