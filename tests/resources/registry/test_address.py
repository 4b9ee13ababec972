"""Addresses that no registry has, in every form in which IPv6 carries them."""

import pytest

from resources.registry.address import is_permitted, is_public, refused_kind


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("169.254.169.254", "link-local"),
        ("169.254.170.2", "link-local"),
        ("100.100.100.200", "metadata"),
        ("168.63.129.16", "metadata"),
        ("192.0.0.192", "metadata"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast or reserved"),
        ("240.0.0.1", "broadcast or reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "metadata"),
        ("fd20:ce::254", "metadata"),
        ("ff02::1", "multicast"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::7f00:1", "loopback"),
        ("::ffff:0:169.254.169.254", "link-local"),
        ("2002:7f00:1::", "loopback"),
        ("2001:0:102:304::80ff:fffe", "loopback"),
    ],
)
def test_an_address_of_the_machine_or_its_cloud_is_refused_by_its_kind(address, kind):
    assert refused_kind(address) == kind


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.51.100.7", "1.1.1.1"),
        *("fd00::2", "2606:4700::1111", "64:ff9b::101:101", "::ffff:10.0.0.1"),
    ],
)
def test_every_other_address_may_be_that_of_a_registry(address):
    assert refused_kind(address) is None


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *((address, True) for address in ("1.1.1.1", "2606:4700::1111", "64:ff9b::101:101")),
        *((address, False) for address in ("10.0.0.1", "100.64.0.1", "127.0.0.1", "fd00::2")),
        *((address, False) for address in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "224.0.1.1")),
    ],
)
def test_an_address_is_public_if_it_means_the_same_to_everybody(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("host", "port", "permitted"),
    [
        ("localhost", 5000, True),
        ("LOCALHOST.", 5000, True),
        ("localhost", 8082, False),
        ("127.0.0.1", 5000, False),
        ("registry", 1, True),
        ("a.registry", 1, False),
        ("::1", 80, True),
        ("[::1]", 80, True),
    ],
)
def test_a_permitted_host_is_compared_as_a_whole(host, port, permitted):
    local = frozenset({"localhost:5000", "registry", "[::1]:80"})
    assert is_permitted(host, port, local) is permitted
