"""Addresses: where what we are told to call may lie, so that a name in a configuration leads nobody into our network.

The address connected to is the one that was looked at: names are resolved here, once for each connection, and what may
not be reached is left out; a second look of somebody else, or a name that answers differently the second time, has no
part in it. Who calls follows no redirects.
"""

import asyncio
import ipaddress
import socket
from enum import StrEnum
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Private(StrEnum):
    """What may be reached besides the public Internet."""

    REFUSE = "refuse"
    """Nothing."""
    LOOPBACK = "loopback"
    """This machine, such as its own mail server; in a container that is the container alone."""
    ALLOW = "allow"
    """Everything this process reaches."""


class PrivateAddress(OSError):
    """A host leads only to addresses that may not be reached."""


class Resolver(AbstractResolver):
    """Resolves by the system and leaves out what may not be reached; what it returns is what is connected to."""

    def __init__(self, private: Private = Private.REFUSE) -> None:
        self._private = private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that may be reached. Raises OSError where there are none."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        public = [(kind, text) for kind, _, _, _, at in found if may_reach(text := str(at[0]), self._private)]
        if not public:
            raise PrivateAddress("no public address")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in public
        ]

    async def close(self) -> None:
        """Nothing is held."""


def connector(private: Private, connections_max: int = 100) -> aiohttp.TCPConnector:
    """How a session connects: to what may be reached, and nowhere else by name. Ask `refused` about literals."""
    resolver = None if private is Private.ALLOW else Resolver(private)
    return aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=connections_max)


def refused(host: str | None, private: Private) -> bool:
    """True for a literal address that may not be reached: no resolver is asked about those. Names are no literals."""
    return private is not Private.ALLOW and is_literal(host) and not may_reach(host or "", private)


def connected(host: str, port: int, private: Private, timeout_s: float) -> socket.socket:
    """A connection to the first address of a host that may be reached and answers, for clients that take no resolver.

    Blocking. Raises PrivateAddress where there is none, OSError where none answers.
    """
    found = dict.fromkeys(str(at[0]) for _, _, _, _, at in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    failure: OSError = PrivateAddress("no public address")
    for address in found:
        if may_reach(address, private):
            try:
                return socket.create_connection((address, port), timeout_s)
            except OSError as error:
                failure = error
    raise failure


def may_reach(text: str, private: Private) -> bool:
    """True for an address that may be called."""
    if private is Private.ALLOW or is_public(text):
        return True
    address = _unwrapped(text)
    return private is Private.LOOPBACK and address is not None and address.is_loopback


def is_public(text: str) -> bool:
    """True for an address of the public Internet, however it is wrapped (IPv4 in IPv6, 6to4, NAT64; Teredo never)."""
    address = _unwrapped(text)
    return address is not None and address.is_global and not address.is_multicast and not address.is_reserved


def is_literal(host: str | None) -> bool:
    """True for an address instead of a name."""
    return _read(host or "") is not None


def is_private(error: BaseException) -> bool:
    """True where the resolver above said no: aiohttp wraps what it raised."""
    inner = getattr(error, "os_error", None) or error.__cause__
    return isinstance(error, PrivateAddress) or isinstance(inner, PrivateAddress)


def _unwrapped(text: str) -> Address | None:
    """The address that is meant in the end; None for what is none, or hides where it leads (Teredo)."""
    address = _read(text)
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return None
    return address.ipv4_mapped or address


def _read(text: str) -> Address | None:
    """An address as `inet_aton` reads it too: 2130706433, 0x7f.1 and 127.1 are this machine to whoever connects."""
    bare = text.partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare)) if bare[:1].isdigit() else None
    except OSError:
        return None
