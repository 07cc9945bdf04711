"""An outside world on this machine for benches: a name server that knows every domain, and a provider that does too.

With it, facts are cold before the first contact of a domain and warm after it, as anywhere, and without a network.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, Final, cast

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from deploy.local.plan import ROOT
from tests.bench.people import people
from tests.support.late_facts import moody

PER_DOMAIN: Final = 10
"""People of one mail domain."""

PROVIDERS: Final = """\
providers:
  companies: {{asks: company_domain, url: "http://127.0.0.1:{port}/v1/companies/{{company_domain}}",
    rate: 100/s, echo: "$.domain", fills: {{company.industry: "$.industry"}}}}
"""


class _Exchangers(asyncio.DatagramProtocol):
    """Every domain takes mail."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name = question.question[0].name.to_text()
        if question.question[0].rdtype == dns.rdatatype.MX:
            answer.answer.append(dns.rrset.from_text(name, 86_400, "IN", "MX", f"10 mail.{name}"))
        self.transport.sendto(answer.to_wire(), addr)


@contextlib.asynccontextmanager
async def knowing(folder: Path) -> AsyncGenerator[dict[str, str]]:
    """The settings of a system that asks this world; its configuration lies in the folder."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Exchangers, local_addr=("127.0.0.1", 0))
    async with moody(seed=1, slowest_s=0.0) as provider:
        config = folder / "config"
        shutil.copytree(ROOT / "deploy" / "config", config)
        (config / "providers.yaml").write_text(PROVIDERS.format(port=provider.port))
        yield {
            "KONTAKTWERK_CONFIG_DIR": str(config),
            "KONTAKTWERK_ENRICH_PRIVATE_ADDRESSES": "allow",
            "KONTAKTWERK_VALIDATE_DNS_SERVER": "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1]),
            "KONTAKTWERK_VALIDATE_DNS_RATE": "1000",
        }
    transport.close()


def employees(count: int, duplicates: float, seed: int, phase: str) -> Iterator[dict[str, Any]]:
    """Other people for every seed, at the same domains; ids of a phase are its own."""
    companies: dict[str, int] = {}
    for person in people(count, duplicates, seed):
        number = companies.setdefault(person["email"], len(companies)) // PER_DOMAIN
        mailbox = person["email"].partition("@")[0]
        source_record_id = f"{phase}-{person['source_record_id']}"
        yield {
            **person, "source": "crm", "source_record_id": source_record_id, "email": f"{mailbox}@werk-{number}.example"
        }  # fmt: skip
