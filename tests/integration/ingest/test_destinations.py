"""Goal: what a hook or a list points to is asked for where that is allowed, and a refusal says what would allow it."""

from aiohttp import web

from services.ingest.core.fetching import Answer
from services.ingest.fetches.client import NOT_ALLOWED, Client
from shared.runtime.addresses import Private
from tests.support.mailbox import hook


async def test_an_api_in_our_own_network_is_not_asked_unless_that_is_allowed() -> None:
    client = Client(Private.REFUSE)
    async with hook() as receiver:
        for host in ("127.0.0.1", "localhost"):
            api = receiver.url.replace("127.0.0.1", host).removesuffix("/hook")
            assert await client.get(api, "/hook", {}, posted={}) == NOT_ALLOWED
        assert not receiver.got
    await client.close()
    assert "KONTAKTWERK_INGEST_PRIVATE_ADDRESSES" in NOT_ALLOWED.why


async def test_an_api_on_this_machine_is_asked_where_it_may_be() -> None:
    """The control: it is the address that was refused."""
    client = Client(Private.LOOPBACK)
    async with hook() as receiver:
        receiver.answers.append(lambda: web.json_response({"items": []}))
        answer = await client.get(receiver.url.removesuffix("/hook"), "/hook", {}, posted={})
        assert isinstance(answer, Answer)
        assert answer.body == b'{"items": []}'
    await client.close()
