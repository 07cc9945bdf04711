"""Where what we are told to call may lie."""

import pytest

from shared.runtime.addresses import Private, PrivateAddress, Resolver, connected, is_public, may_reach, refused


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "2001:0:1::", "nonsense", "",
    ],
)  # fmt: skip
def test_what_is_not_of_the_public_internet_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14"])
def test_what_is_public_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("written", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_a_number_is_read_as_whoever_connects_reads_it(written: str) -> None:
    """Harm: http://2130706433/ is this machine, and no test for dots and digits sees it."""
    assert refused(written, Private.REFUSE)
    assert not is_public(written)


def test_a_name_is_left_to_the_resolver() -> None:
    assert not refused("1und1.example", Private.REFUSE)
    assert not refused("localhost", Private.REFUSE)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_reached_where_that_is_allowed_and_the_network_is_not(address: str) -> None:
    assert may_reach(address, Private.LOOPBACK)
    assert not may_reach(address, Private.REFUSE)
    assert not may_reach("10.0.0.1", Private.LOOPBACK)
    assert not may_reach("169.254.169.254", Private.LOOPBACK)
    assert may_reach("10.0.0.1", Private.ALLOW)


async def test_a_name_that_leads_to_this_machine_only_leads_nowhere() -> None:
    with pytest.raises(PrivateAddress):
        await Resolver(Private.REFUSE).resolve("localhost", 80)
    with pytest.raises(PrivateAddress):
        connected("localhost", 80, Private.REFUSE, 1.0)
    found = await Resolver(Private.LOOPBACK).resolve("localhost", 80)
    assert {one["host"] for one in found} <= {"127.0.0.1", "::1"}
