"""Goal: a channel leads where it may, and nowhere else; whoever asks why it was not sent is told.

Method: a mail server and a receiver of web hooks on this machine, called by address and by name.
"""

from email.message import EmailMessage

import pytest

from services.rules.client import NOT_ALLOWED, Client
from services.rules.core.delivering import Ended
from shared.runtime.addresses import Private
from tests.support.mailbox import hook, mailbox

HOSTS = ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]")
"""All of them this machine."""


@pytest.mark.parametrize("host", HOSTS)
async def test_a_hook_into_our_own_network_is_not_called_unless_that_is_allowed(host: str) -> None:
    client = Client(Private.REFUSE)
    async with hook() as receiver:
        assert await client.post(receiver.url.replace("127.0.0.1", host), b"{}", {}) == NOT_ALLOWED
        assert not receiver.got
    await client.close()


@pytest.mark.parametrize("host", HOSTS[:2])
async def test_a_mail_server_in_our_own_network_is_not_spoken_to_unless_that_is_allowed(host: str) -> None:
    async with mailbox() as box:
        assert await Client(Private.REFUSE).mail(f"smtp://{host}:{box.port}", _mail()) == NOT_ALLOWED
        assert await Client(Private.REFUSE).mail(f"smtps://{host}:{box.port}", _mail()) == NOT_ALLOWED
        assert not box.mails


async def test_this_machine_is_reached_where_it_may_be() -> None:
    """The control of those before: it is the address that is refused, not the message."""
    client = Client(Private.LOOPBACK)
    async with hook() as receiver, mailbox() as box:
        for host in ("127.0.0.1", "localhost"):
            assert await client.post(receiver.url.replace("127.0.0.1", host), b"{}", {}) is Ended.SENT
            assert await client.mail(f"smtp://{host}:{box.port}", _mail()) is Ended.SENT
        assert (len(receiver.got), len(box.mails)) == (2, 2)
    await client.close()


def _mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "crm@example.de", "anna@example.de", "Hallo"
    message.set_content("Hallo")
    return message
