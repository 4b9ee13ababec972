"""Proxies by environment, as Go programs find them."""

import pytest

from actors.runtime.proxy import proxy_of

PROXY = "http://proxy:3128"
DIRECT = None
CLUSTER = "https://10.96.0.1:443"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, DIRECT),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": "proxy:3128"}, PROXY),
        ({"HTTP_PROXY": PROXY}, DIRECT),
        ({"HTTPS_PROXY": ""}, DIRECT),
    ],
)
def test_the_proxy_is_that_of_the_scheme(environment, expected):
    assert proxy_of(CLUSTER, environment) == expected


@pytest.mark.parametrize(
    ("url", "exceptions", "expected"),
    [
        (CLUSTER, "10.96.0.1", DIRECT),
        (CLUSTER, "example.org, 10.96.0.0/12", DIRECT),
        (CLUSTER, "10.0.0.0/16", PROXY),
        (CLUSTER, "10.96.0.1:443", DIRECT),
        (CLUSTER, "10.96.0.1:6443", PROXY),
        (CLUSTER, "*", DIRECT),
        ("https://api.example.org", "example.org", DIRECT),
        ("https://api.example.org", ".example.org", DIRECT),
        ("https://api.example.org", "*.example.org", DIRECT),
        ("https://api.example.org", "Example.ORG", DIRECT),
        ("https://api.example.org", "example.org:443", DIRECT),
        ("https://api.example.org", "example.org:6443", PROXY),
        ("https://example.org", ".example.org", PROXY),
        ("https://counterexample.org", "example.org", PROXY),
        ("https://[fd00::1]:6443", "fd00::/8", DIRECT),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", DIRECT),
        ("https://[fd00::1]:6443", "[fd00::1]:443", PROXY),
        ("https://127.0.0.1:6443", "", DIRECT),
        ("https://[::1]:6443", "", DIRECT),
        ("https://localhost:6443", "", DIRECT),
    ],
)
def test_exceptions_are_reached_directly(url, exceptions, expected):
    assert proxy_of(url, {"HTTPS_PROXY": PROXY, "NO_PROXY": exceptions}) == expected
