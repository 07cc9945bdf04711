"""Engines that demand to be spoken to in secret: Kafka with TLS and SASL, and TLS before Postgres.

The PostgreSQL of the wheel is built without TLS, so that here a small server before it takes the request for TLS as
PostgreSQL's protocol has it (version 3, SSLRequest) and passes on what is said behind it.
"""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from deploy.local.folder import DataFolder
from deploy.local.kafka import Kafka

USER: Final = "kontaktwerk"
PASSWORD: Final = "correct horse battery staple"
SSL_REQUEST: Final = bytes.fromhex("0000000804d2162f")
"""Length 8 and the code 80877103 (PostgreSQL protocol, section SSLRequest)."""

_CHUNK: Final = 64 * 1024


@dataclass(frozen=True)
class Papers:
    """Files of one authority, and of a server and a client it has signed."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def papers(folder: Path) -> Papers:
    """A new authority, with a server at 127.0.0.1 and a client."""
    folder.mkdir()
    signing = ec.generate_private_key(ec.SECP256R1())
    name = _name("Kontaktwerk Test CA")
    authority = (
        _begun(name, name, signing.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signing, hashes.SHA256())
    )
    _write(folder / "ca.pem", authority.public_bytes(Encoding.PEM))
    for who in ("server", "client"):
        key = ec.generate_private_key(ec.SECP256R1())
        at = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        signed = _begun(_name(who), name, key.public_key()).add_extension(at, critical=False)
        _write(folder / f"{who}.pem", signed.sign(signing, hashes.SHA256()).public_bytes(Encoding.PEM))
        _write(folder / f"{who}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Papers(*(folder / one for one in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")))


class SecuredKafka(Kafka):
    """The local Kafka with two listeners more: one for TLS and SASL, one that asks for a client's certificate."""

    def __init__(self, folder: DataFolder, ours: Papers) -> None:
        super().__init__(folder)
        self._ours = ours
        self._data = folder
        self.sasl = f"127.0.0.1:{folder.port('kafka-sasl')}"
        self.mutual = f"127.0.0.1:{folder.port('kafka-mutual')}"

    def _configure(self) -> None:
        super()._configure()
        path = self._data.path / "kafka" / "server.properties"
        settings = dict(line.split("=", 1) for line in path.read_text("ascii").splitlines())
        for listener, address in (("SECURED", self.sasl), ("MUTUAL", self.mutual)):
            settings["listeners"] += f",{listener}://{address}"
            settings["advertised.listeners"] += f",{listener}://{address}"
        settings["listener.security.protocol.map"] += ",SECURED:SASL_SSL,MUTUAL:SSL"
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        settings |= {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.certificate.chain": _one_line(self._ours.server),
            "ssl.keystore.key": _one_line(self._ours.server_key),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": _one_line(self._ours.authority),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.secured.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secured.plain.sasl.jaas.config": f'{login} user_{USER}="{PASSWORD}";',
        }
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="ascii")


@contextlib.asynccontextmanager
async def tls_before(database_url: str, ours: Papers) -> AsyncGenerator[str]:
    """The address of the same database behind TLS; who speaks in plain text is sent away."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ours.server, ours.server_key)
    parts = urlsplit(database_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            if await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
                behind, ahead = await asyncio.open_connection(parts.hostname, parts.port)
                await asyncio.gather(_pass(reader, ahead), _pass(behind, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield urlunsplit(parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{port}"))
    finally:
        server.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.close()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


def _one_line(path: Path) -> str:
    """A PEM file as the value of a property."""
    return "\\n".join(path.read_text("ascii").splitlines())
