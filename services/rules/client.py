"""The way out for notifications: signed web hooks and mail. What goes wrong is an outcome, never an exception.

Mail goes through the standard library's client in a thread: it speaks what servers speak, and asks for no dependency.
"""

import asyncio
import smtplib
import socket
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from services.rules.core.delivering import Again, Ended, Outcome, answered
from shared.runtime.addresses import Private, PrivateAddress, connected, connector, is_private, refused

TIMEOUT_S: Final = 20.0
"""Standard Webhooks proposes 15 to 30 s; a mail server that greylists answers within."""

SMTP_PORT: Final = 25
SMTPS_PORT: Final = 465
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where a password may go without TLS: it does not leave the machine."""

PERMANENT: Final = 500
"""From this code on a mail server says no for good (RFC 5321, section 4.2.1)."""


NOT_ALLOWED: Final = Again("private-address", sent=False)
"""Where the channel leads, nobody has allowed to call: KONTAKTWERK_RULES_PRIVATE_ADDRESSES says who may."""


class Client:
    """Sends, to where it may; holds one HTTP session, opened at the first use."""

    def __init__(self, private: Private) -> None:
        self._private = private
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """Send a web hook; redirects are not followed, since a signed body belongs to one address."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(
                connector=connector(self._private), timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            )
        if refused(urlsplit(url).hostname, self._private):
            return NOT_ALLOWED
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answered(answer.status, answer.headers.get("retry-after"))
        except TimeoutError:
            return Again("timeout")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NOT_ALLOWED if is_private(error) else Again("unreachable")

    async def mail(self, url: str, message: EmailMessage) -> Outcome:
        """Send a mail through the server at this URL (smtp://user:password@host:587, smtps://…)."""
        return await asyncio.to_thread(_mail, url, message, self._private)


def _mail(url: str, message: EmailMessage, private: Private) -> Outcome:
    """Blocking. The errors' texts hold addresses, so only their kind goes on."""
    try:
        with _connected(url, private) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Ended.REFUSED if codes and min(codes) >= PERMANENT else Again("later")
    except smtplib.SMTPDataError as error:
        return Ended.REFUSED if error.smtp_code >= PERMANENT else Again("later")
    except PrivateAddress:
        return NOT_ALLOWED
    except _NoTls:
        return Again("no-tls", sent=False)
    except smtplib.SMTPAuthenticationError:
        return Again("authentication", sent=False)
    except TimeoutError:
        return Again("timeout")
    except (smtplib.SMTPException, OSError):
        return Again("unreachable")
    return Ended.SENT


class _NoTls(Exception):
    """The server offers no TLS, and a password would leave the machine without."""


class _Checked(smtplib.SMTP):
    """Connects to an address that was looked at; certificates are checked against the name."""

    def __init__(self, host: str, port: int, private: Private) -> None:
        self._private = private
        super().__init__(host, port, timeout=TIMEOUT_S)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connected(host, port, self._private, timeout)


class _CheckedTls(_Checked):
    """The same, with TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        bare = super()._get_socket(host, port, timeout)
        return ssl.create_default_context().wrap_socket(bare, server_hostname=host)


def _connected(url: str, private: Private) -> smtplib.SMTP:
    """A session: TLS where the server offers it, a login where the URL has one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        server: smtplib.SMTP = _CheckedTls(host, parts.port or SMTPS_PORT, private)
    else:
        server = _Checked(host, parts.port or SMTP_PORT, private)
    with ExitStack() as unless_ready:
        unless_ready.callback(server.close)
        server.ehlo_or_helo_if_needed()
        secured = parts.scheme == "smtps"
        if not secured and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            secured = True
        if parts.username is not None:
            if not secured and host not in LOOPBACK:
                raise _NoTls
            server.login(unquote(parts.username), unquote(parts.password or ""))
        unless_ready.pop_all()
    return server
