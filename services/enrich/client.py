"""The way out to providers: bounded in time and size, only to public addresses, and what goes wrong is an outcome."""

import asyncio
import ipaddress
import socket
from datetime import datetime
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from services.enrich.core.answers import Ended, Failed, Fault, Reply, ended_of
from services.enrich.core.asking import Asked, Request

ANSWER_BYTES_MAX: Final = 256 * 1024
"""Half a message: an answer about one company or person is a few kilobytes."""

CONNECT_TIMEOUT_S: Final = 5.0
"""Three attempts of TCP; a host that takes longer is not there."""

CONNECTIONS_MAX: Final = 100
"""As many as questions a second are allowed to a provider."""

_CHUNK_BYTES: Final = 16 * 1024
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class PrivateAddress(OSError):
    """A host leads only to addresses that are not public."""


class Resolver(AbstractResolver):
    """Resolves by the system and leaves out what is not public; what it returns is what is connected to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The public addresses of a host. Raises OSError where there are none."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        public = [(family, str(address[0])) for family, _, _, _, address in found if is_public(str(address[0]))]
        if not public:
            raise PrivateAddress("no public address")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for family, address in public
        ]

    async def close(self) -> None:
        """Nothing is held."""


def is_public(text: str) -> bool:
    """True for an address of the public Internet, however it is wrapped (IPv4 in IPv6, 6to4, Teredo, NAT64)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            address = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        elif address.sixtofour is not None:
            address = address.sixtofour
        elif address.teredo is not None:
            return False
        elif address.ipv4_mapped is not None:
            address = address.ipv4_mapped
    return address.is_global and not address.is_multicast and not address.is_reserved


class Client:
    """Asks; holds one HTTP session, opened at the first use. No cookies, no proxies, no redirects."""

    def __init__(self, *, private_addresses: bool) -> None:
        self._private_addresses = private_addresses
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, asked: Asked, subject: str, now: datetime) -> Ended:
        """The answer of one provider about one subject; never raises for what the provider does."""
        request = asked.request(subject)
        try:
            async with asyncio.timeout(asked.timeout_s):
                return await self._ended(request, asked, subject, now)
        except TimeoutError:
            return Failed(Fault.TIMEOUT)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Failed(Fault.PRIVATE_ADDRESS if _is_private(error) else Fault.UNREACHABLE)

    async def _ended(self, request: Request, asked: Asked, subject: str, now: datetime) -> Ended:
        url = URL(request.url, encoded=True)
        if not self._private_addresses and _is_literal(url.host) and not is_public(url.host or ""):
            return Failed(Fault.PRIVATE_ADDRESS)
        async with self._opened().request(
            request.method, url, data=request.body, headers=request.headers, allow_redirects=False
        ) as answer:
            if answer.headers.get("content-encoding", "identity") != "identity":
                return Failed(Fault.NOT_JSON)
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    return Failed(Fault.TOO_LARGE)
            kind = answer.headers.get("content-type", "")
            reply = Reply(answer.status, kind, answer.headers.get("retry-after"), bytes(body))
        return ended_of(reply, asked, subject, now)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = None if self._private_addresses else Resolver()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=CONNECTIONS_MAX),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


def _is_literal(host: str | None) -> bool:
    try:
        ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return False
    return True


def _is_private(error: BaseException) -> bool:
    """True where our resolver said no: aiohttp wraps what it raised."""
    inner = getattr(error, "os_error", None) or error.__cause__
    return isinstance(error, PrivateAddress) or isinstance(inner, PrivateAddress)
