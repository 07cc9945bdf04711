"""Local servers that play the outside over the real protocols: a mail server and a receiver of web hooks."""

import asyncio
import email
import email.policy
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiohttp import web


@dataclass
class Mailbox:
    """A mail server (SMTP, RFC 5321) that keeps what it gets. `answers` are given to DATA first, then 250."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    answers: list[str] = field(default_factory=list[str])
    drops_after_data: int = 0
    """So many sessions die after a mail was taken and before it is said: the sender cannot know."""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first mail is there."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        writer.write(b"220 test ESMTP\r\n")
        while line := await reader.readline():
            word = line.strip().split(b" ")[0].upper()
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                answer = self.answers.pop(0) if self.answers else "250 taken"
                if answer.startswith("250"):
                    message = email.message_from_bytes(text[:-3], policy=email.policy.default)
                    assert isinstance(message, EmailMessage)
                    self.mails.append(message)
                    self.came.set()
                if self.drops_after_data:
                    self.drops_after_data -= 1
                    break
                writer.write(f"{answer}\r\n".encode())
            else:
                writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
            await writer.drain()
            if word == b"QUIT":
                break
        writer.close()


@asynccontextmanager
async def mailbox() -> AsyncGenerator[Mailbox]:
    """A running mail server."""
    box = Mailbox()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


@dataclass
class Hook:
    """A receiver of web hooks that keeps what it gets and answers what it is told to, then 204."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list[tuple[dict[str, str], bytes]])
    answers: list[Callable[[], web.Response]] = field(default_factory=list[Callable[[], web.Response]])

    async def take(self, request: web.Request) -> web.Response:
        """One delivery."""
        self.got.append(({key.lower(): value for key, value in request.headers.items()}, await request.read()))
        return self.answers.pop(0)() if self.answers else web.Response(status=204)


@asynccontextmanager
async def hook() -> AsyncGenerator[Hook]:
    """A running receiver."""
    found = Hook()
    application = web.Application()
    application.router.add_post("/hook", found.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()
