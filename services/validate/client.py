"""The way out: which mail exchangers a domain has, asked of the DNS beside the way of the contacts.

A silence is no answer: a time-out, a failing server or no network at all leave a domain unknown, and it is asked again.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from services.validate.core.exchangers import KIND, TAKES_MAIL, Ground
from shared.runtime.clock import Clock
from shared.runtime.facts import Claimed, Facts
from shared.runtime.world import Chore

TIMEOUT_S: Final = 5.0
"""For one question with all its retries: a resolver that has not answered by then is asked again later."""

TTL_MIN, TTL_MAX = timedelta(hours=1), timedelta(days=7)
"""An answer lives as long as it says, within these: no domain changes its exchangers every minute."""

NEGATIVE_TTL_MAX: Final = timedelta(days=1)
"""A domain that takes no mail today may be repaired tomorrow."""

LEASE_S: Final = 60.0
"""Many times the time-out of a question: whose lease ran out is dead."""

WITNESSES: Final = ("gmail.com", "gmx.de", "outlook.com")
"""Domains that certainly take mail: a resolver that denies them all sees another world than the internet (a closed
network, a laptop in a tunnel), and what it denies besides says nothing."""

WITNESSED_S: Final = 600.0
"""How long a witness is believed; networks change while a laptop sleeps."""

RETRIES_S: Final = (60.0, 300.0, 1_800.0, 21_600.0)
"""When a question without an answer is asked again: first soon, then seldom."""

AWAY_S: Final = 30.0
"""How long nobody is asked after a round without any answer: then it is the network, not the domains."""

EVERY_S: Final = 0.5
"""How often an idle process looks for questions."""


class Answer(NamedTuple):
    """Why mail is taken or not, and for how long that may be believed."""

    ground: Ground
    ttl: timedelta


class Outside(Protocol):
    """Who answers."""

    async def ask(self, domain: str) -> Answer | None:
        """What is known of a domain, None where nobody answered. Never raises for what the network does."""
        ...


class Resolver:
    """Asks the DNS: MX first, then an address, as a mail server does (RFC 5321 section 5.1)."""

    def __init__(self, server: str | None, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._witnessed_at = float("-inf")

    async def ask(self, domain: str) -> Answer | None:
        """As the protocol says; a denial counts only from a resolver that knows domains which certainly exist."""
        answer = await self._answered(domain)
        if answer is None or answer.ground in TAKES_MAIL or await self._is_credible():
            return answer
        return None

    async def _is_credible(self) -> bool:
        if self._clock.monotonic() - self._witnessed_at > WITNESSED_S:
            answers = await asyncio.gather(*(self._answered(domain) for domain in WITNESSES))
            if not any(answer is not None and answer.ground in TAKES_MAIL for answer in answers):
                return False
            self._witnessed_at = self._clock.monotonic()
        return True

    async def _answered(self, domain: str) -> Answer | None:
        try:
            return await self._asked(domain)
        except dns.resolver.NXDOMAIN as missing:
            responses: dict[Any, Any] = missing.responses()  # type: ignore[no-untyped-call]  # the library left it out
            return Answer(Ground.NO_DOMAIN, _negative_ttl(list(responses.values())))
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, UnicodeError):
            return Answer(Ground.NO_DOMAIN, NEGATIVE_TTL_MAX)
        except (dns.exception.DNSException, OSError):
            return None

    async def _asked(self, domain: str) -> Answer:
        exchangers = await self._resolved(domain, dns.rdatatype.MX)
        if exchangers.rrset is not None:
            ttl = timedelta(seconds=exchangers.rrset.ttl)
            if all(str(one.exchange) == "." for one in exchangers.rrset):
                return Answer(Ground.NULL_MX, min(max(ttl, TTL_MIN), NEGATIVE_TTL_MAX))
            return Answer(Ground.EXCHANGER, min(max(ttl, TTL_MIN), TTL_MAX))
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            addresses = await self._resolved(domain, kind)
            if addresses.rrset is not None:
                ttl = timedelta(seconds=addresses.rrset.ttl)
                return Answer(Ground.ADDRESS, min(max(ttl, TTL_MIN), TTL_MAX))
        return Answer(Ground.NOTHING, _negative_ttl([exchangers.response]))

    async def _resolved(self, domain: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer:
        if self._resolver is None:
            self._resolver = _resolver(self._server)
        return await self._resolver.resolve(domain, kind, raise_on_no_answer=False, search=False, lifetime=TIMEOUT_S)


def _resolver(server: str | None) -> dns.asyncresolver.Resolver:
    """Raises NoResolverConfiguration on a machine that knows no name server; it is looked for again next time."""
    if server is None:
        return dns.asyncresolver.Resolver()
    resolver = dns.asyncresolver.Resolver(configure=False)
    address, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "53")
    resolver.nameservers = [address]
    resolver.port = int(port)
    return resolver


def _negative_ttl(responses: Sequence[Any]) -> timedelta:
    """How long an absence holds: the smaller of the SOA's own time and its minimum (RFC 2308, section 5)."""
    seconds = [
        min(rrset.ttl, soa.minimum)
        for response in responses
        for rrset in response.authority
        if rrset.rdtype == dns.rdatatype.SOA
        for soa in rrset
    ]
    return min(max(timedelta(seconds=min(seconds, default=0)), TTL_MIN), NEGATIVE_TTL_MAX)


class Asking:
    """Takes open questions and writes down what the DNS says. The chain never waits for it."""

    def __init__(self, facts: Facts, outside: Outside, clock: Clock, name: str, rate: int) -> None:
        self._facts = facts
        self._outside = outside
        self._clock = clock
        self._name = name
        self._most = max(1, int(rate * EVERY_S))
        self._silent_until: datetime | None = None

    def chore(self) -> Chore:
        """The chore that asks."""
        return Chore(name="mail exchangers", every_s=EVERY_S, run=self.run)

    async def run(self) -> None:
        """Ask what is due, as much as the rate allows until the next look; after a silence of all, one at a time."""
        now = self._clock.now()
        if self._silent_until is not None and now < self._silent_until:
            return
        most = self._most if self._silent_until is None else 1
        claimed = await self._facts.claim(self._name, now, most, LEASE_S, [KIND])
        if not claimed:
            return
        answers = await asyncio.gather(*(self._outside.ask(one.question.subject) for one in claimed))
        now = self._clock.now()
        for one, answer in zip(claimed, answers, strict=True):
            await self._note(one, answer, now)
        self._silent_until = None if any(answers) else now + timedelta(seconds=AWAY_S)

    async def due(self) -> int:
        """Questions that could be asked now: while nobody answers, none."""
        return 0 if self._silent_until is not None else await self._facts.due(self._clock.now(), [KIND])

    async def _note(self, claimed: Claimed, answer: Answer | None, now: datetime) -> None:
        if answer is None:
            pause_s = RETRIES_S[min(claimed.attempts, len(RETRIES_S) - 1)]
            await self._facts.fail(claimed, now + timedelta(seconds=pause_s))
        else:
            await self._facts.answer(claimed, answer.ground.value, now + answer.ttl, now, provider="dns")
