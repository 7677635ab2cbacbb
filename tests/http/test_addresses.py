from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http.addresses import find_refusal, is_public, read_address

ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)


def inside_ipv6(prefix: str, address: IPv4Address, shift: int) -> str:
    return str(IPv6Address(int(IPv6Address(prefix)) | int(address) << shift))


@given(ADDRESSES)
def test_an_ipv4_address_inside_ipv6_is_as_public_as_itself(address: IPv4Address) -> None:
    public = is_public(str(address))
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80), ("::", 0)):
        assert is_public(inside_ipv6(prefix, address, shift)) == public, prefix


@given(ADDRESSES)
def test_every_spelling_that_a_resolver_reads_is_read_as_the_same_address(address: IPv4Address) -> None:
    number = int(address)
    a, b, c, d = address.packed
    for spelling in (str(number), hex(number), f"0{number:o}", f"{a}.{number & 0xFFFFFF}", f"{a:#x}.{b}.{c:#o}.{d}."):
        assert read_address(spelling.replace("0o", "0")) == str(address)


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "127.0.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b:1::1"),
        *("2001:0:7f00:1::", "nonsense", ""),
    ],
)
def test_addresses_of_nobody_or_of_the_house_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "149.154.167.99", "2606:4700::1111", "64:ff9b::959a:a763"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


def test_a_permission_covers_one_host_on_one_port() -> None:
    private = frozenset({("archive.internal", 8080), ("127.0.0.1", 8000)})
    assert not find_refusal("http", "archive.internal", 8080, foreign=True, private=private)
    assert not find_refusal("http", "127.0.0.1", 8000, foreign=False, private=private)
    assert find_refusal("http", "archive.internal", 8081, foreign=False, private=private)
    assert find_refusal("http", "127.0.0.2", 8000, foreign=False, private=private)


def test_a_port_that_the_user_wrote_is_visited() -> None:
    assert not find_refusal("http", "feeds.example.org", 8080, foreign=False)
    assert find_refusal("http", "feeds.example.org", 8080, foreign=True)


@pytest.mark.parametrize(
    "host", ["router", "printer.local", "box.home.arpa", "a.localhost", "metadata.google.internal."]
)
def test_names_of_the_house_are_not_looked_up(host: str) -> None:
    refused = find_refusal("https", host, 443, foreign=False)
    assert refused
    assert "private name" in refused.reason
    assert "allow_private_addresses" in refused.remedy
