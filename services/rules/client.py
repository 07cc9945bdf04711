"""The way out for notifications: signed web hooks and mail. What goes wrong is an outcome, never an exception.

Mail goes through the standard library's client in a thread: it speaks what servers speak, and asks for no dependency.
"""

import asyncio
import smtplib
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Final
from urllib.parse import unquote, urlsplit

import aiohttp

from services.rules.core.delivering import Again, Ended, Outcome, answered

TIMEOUT_S: Final = 20.0
"""Standard Webhooks proposes 15 to 30 s; a mail server that greylists answers within."""

SMTP_PORT: Final = 25
SMTPS_PORT: Final = 465
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Where a password may go without TLS: it does not leave the machine."""

PERMANENT: Final = 500
"""From this code on a mail server says no for good (RFC 5321, section 4.2.1)."""


class Client:
    """Sends; holds one HTTP session, opened at the first use."""

    def __init__(self) -> None:
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
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answered(answer.status, answer.headers.get("retry-after"))
        except TimeoutError:
            return Again("timeout")
        except (aiohttp.ClientError, OSError, ValueError):
            return Again("unreachable")

    async def mail(self, url: str, message: EmailMessage) -> Outcome:
        """Send a mail through the server at this URL (smtp://user:password@host:587, smtps://…)."""
        return await asyncio.to_thread(_mail, url, message)


def _mail(url: str, message: EmailMessage) -> Outcome:
    """Blocking. The errors' texts hold addresses, so only their kind goes on."""
    try:
        with _connected(url) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Ended.REFUSED if codes and min(codes) >= PERMANENT else Again("later")
    except smtplib.SMTPDataError as error:
        return Ended.REFUSED if error.smtp_code >= PERMANENT else Again("later")
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


def _connected(url: str) -> smtplib.SMTP:
    """A session: TLS where the server offers it, a login where the URL has one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or SMTPS_PORT, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, parts.port or SMTP_PORT, timeout=TIMEOUT_S)
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
