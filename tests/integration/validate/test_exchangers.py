"""Goal: the DNS is asked as a mail server asks it, and whatever is no answer leaves a domain unknown.

A name server of our own answers, lies, refuses and keeps silent on loopback.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from services.validate import client
from services.validate.client import AWAY_S, NEGATIVE_TTL_MAX, TTL_MAX, TTL_MIN, Answer, Asking, Resolver
from services.validate.core.exchangers import KIND, Ground
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.facts import Facts, Question, Waiter

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOA: Final = "ns.firma.de. post.firma.de. 1 7200 900 1209600 {minimum}"
ZONE: Final[dict[tuple[str, str], tuple[int, str]]] = {
    ("gmx.de.", "MX"): (86_400, "10 mx00.gmx.de."),
    ("mx.de.", "MX"): (86_400, "10 mail.mx.de."),
    ("short.de.", "MX"): (5, "10 mail.short.de."),
    ("long.de.", "MX"): (10_000_000, "10 mail.long.de."),
    ("null.de.", "MX"): (86_400, "0 ."),
    ("old.de.", "A"): (86_400, "192.0.2.1"),
    ("six.de.", "AAAA"): (86_400, "2001:db8::1"),
    ("text.de.", "TXT"): (86_400, "nothing"),
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from a small zone; some names fail, some get rubbish, some nothing at all."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        reply = self.reply(question)
        if reply is not None:
            self.transport.sendto(reply, addr)

    def reply(self, question: dns.message.Message) -> bytes | None:
        name, kind = str(question.question[0].name), dns.rdatatype.to_text(question.question[0].rdtype)
        if name == "silent.de.":
            return None
        if name == "rubbish.de.":
            return b"\0" * 40
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        if name == "failing.de.":
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in ZONE:
            ttl, text = ZONE[name, kind]
            answer.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, text))
        else:
            answer.authority.append(dns.rrset.from_text("de.", 7_200, "IN", "SOA", SOA.format(minimum=7_200)))
            if not any(known == name for known, _ in ZONE):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer.to_wire()


@pytest.fixture
async def resolver() -> AsyncIterator[Resolver]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield Resolver("127.0.0.1:{}".format(transport.get_extra_info("sockname")[1]), ManualClock(NOW))
    transport.close()


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("mx.de", Answer(Ground.EXCHANGER, timedelta(days=1))),
        ("short.de", Answer(Ground.EXCHANGER, TTL_MIN)),
        ("long.de", Answer(Ground.EXCHANGER, TTL_MAX)),
        ("null.de", Answer(Ground.NULL_MX, NEGATIVE_TTL_MAX)),
        ("old.de", Answer(Ground.ADDRESS, timedelta(days=1))),
        ("six.de", Answer(Ground.ADDRESS, timedelta(days=1))),
        ("text.de", Answer(Ground.NOTHING, timedelta(hours=2))),
        ("nowhere.de", Answer(Ground.NO_DOMAIN, timedelta(hours=2))),
        ("a" * 70 + ".de", Answer(Ground.NO_DOMAIN, NEGATIVE_TTL_MAX)),
    ],
)
async def test_a_domain_takes_mail_or_says_why_not(resolver: Resolver, domain: str, expected: Answer) -> None:
    assert await resolver.ask(domain) == expected


@pytest.mark.parametrize("domain", ["silent.de", "failing.de", "rubbish.de"])
async def test_what_is_no_answer_is_unknown(resolver: Resolver, monkeypatch: pytest.MonkeyPatch, domain: str) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", 0.5)
    assert await resolver.ask(domain) is None


async def test_who_denies_what_certainly_exists_is_not_believed(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "WITNESSES", ("nobody.de", "nowhere.de"))
    assert await resolver.ask("text.de") is None
    assert (await resolver.ask("mx.de")) is not None
    monkeypatch.setattr(client, "WITNESSES", ("nobody.de", "gmx.de"))
    assert await resolver.ask("text.de") == Answer(Ground.NOTHING, timedelta(hours=2))


async def test_without_any_network_nothing_is_known() -> None:
    assert await Resolver("127.0.0.1:9", ManualClock(NOW)).ask("mx.de") is None


class Asked:
    """Who answers, in tests of the asking: as told, and counted."""

    def __init__(self, answers: dict[str, Answer | None]) -> None:
        self.answers = answers
        self.domains: list[str] = []

    async def ask(self, domain: str) -> Answer | None:
        self.domains.append(domain)
        return self.answers.get(domain)


@pytest.fixture
async def facts(database: str) -> AsyncIterator[Facts]:
    pool = Database(database)
    made = Facts(pool, "validate")
    async with pool.transaction() as connection:
        waiters = [Waiter(f"00000000-0000-7000-8000-{n:012d}", 1, Question(KIND, f"{n}.de"), 0) for n in range(3)]
        await made.wait(connection, waiters, NOW)
    yield made
    await pool.close()


async def test_answers_are_written_down_and_silences_asked_again(facts: Facts) -> None:
    clock = ManualClock(NOW)
    outside = Asked({"0.de": Answer(Ground.EXCHANGER, timedelta(days=1)), "1.de": Answer(Ground.NULL_MX, TTL_MIN)})
    asking = Asking(facts, outside, clock, "one", 50)
    await asking.run()
    assert sorted(outside.domains) == ["0.de", "1.de", "2.de"]
    assert await facts.wake(NOW, None) == 2
    assert await asking.due() == 0
    clock.advance(61)
    assert await asking.due() == 1
    outside.answers["2.de"] = Answer(Ground.NOTHING, TTL_MIN)
    await asking.run()
    assert outside.domains[3:] == ["2.de"]


async def test_where_nobody_answers_nobody_is_asked_for_a_while(facts: Facts) -> None:
    clock = ManualClock(NOW)
    outside = Asked({})
    asking = Asking(facts, outside, clock, "one", 4)
    await asking.run()
    assert len(outside.domains) == 2
    assert await asking.due() == 0
    clock.advance(AWAY_S + 1)
    assert await asking.due() == 0, "whether anybody is there again shows only when one is asked"
    await asking.run()
    assert len(outside.domains) == 3


async def test_after_a_silence_one_answer_is_enough_to_go_on(facts: Facts) -> None:
    clock = ManualClock(NOW)
    outside = Asked({})
    asking = Asking(facts, outside, clock, "one", 4)
    await asking.run()
    outside.answers |= {domain: Answer(Ground.EXCHANGER, TTL_MIN) for domain in ("0.de", "1.de", "2.de")}
    for _ in range(2):
        clock.advance(61)
        await asking.run()
    assert await facts.wake(clock.now(), None) == 3
