"""Hosts: where a registry is reached, and which token servers are its own."""

import pytest

from resources.registry.host import Origin, api_host, api_repository, may_see_credentials, origin_of


@pytest.mark.parametrize(
    ("registry", "repository", "expected"),
    [
        ("docker.io", "busybox", ("registry-1.docker.io", "library/busybox")),
        ("docker.io", "falcosecurity/rules", ("registry-1.docker.io", "falcosecurity/rules")),
        ("index.docker.io", "busybox", ("registry-1.docker.io", "library/busybox")),
        ("Docker.IO", "busybox", ("registry-1.docker.io", "library/busybox")),
        ("ghcr.io", "busybox", ("ghcr.io", "busybox")),
        ("docker.io:5000", "busybox", ("docker.io:5000", "busybox")),
        ("localhost:5000", "a/b/c", ("localhost:5000", "a/b/c")),
    ],
)
def test_docker_hub_is_reached_by_another_name(registry, repository, expected):
    assert (api_host(registry), api_repository(registry, repository)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://ghcr.io", Origin("https", "ghcr.io", 443)),
        ("HTTPS://GHCR.io./token?a=b#c", Origin("https", "ghcr.io", 443)),
        ("http://host:5000/v2/", Origin("http", "host", 5000)),
        ("https://[fd00::1]:5000/", Origin("https", "[fd00::1]", 5000)),
        ("https://host:443/a", Origin("https", "host", 443)),
        ("https://[1:2]/", None),
        ("https://[...]:5000/", None),
        ("https://host:99999/", None),
        ("https://user@host/", None),
        ("https://user:password@host/", None),
        ("https://good.example\\@evil.example/", None),
        ("https://evil.example\\@good.example/", None),
        ("https://good.example;@evil.example/", None),
        ("https://host\t/", None),
        ("https://host/a b", None),
        ("https://host/a\\b", None),
        ("https://host/\n", None),
        ("https://höst/", None),
        ("https:///path", None),
        ("https://", None),
        ("//host/", None),
        ("ftp://host/", None),
        ("", None),
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_none(url, expected):
    assert origin_of(url) == expected


@pytest.mark.parametrize(
    ("registry", "realm", "expected"),
    [
        ("https://ghcr.io", "https://ghcr.io/token", True),
        ("https://ghcr.io", "https://ghcr.io:8443/token", True),
        ("https://ghcr.io", "http://ghcr.io/token", False),
        ("http://ghcr.io", "http://ghcr.io/token", True),
        ("http://ghcr.io", "https://ghcr.io/token", True),
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://registry-1.docker.io", "https://docker.io/token", True),
        ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("https://registry.example.org", "https://a.b.example.org/", True),
        ("https://example.org", "https://auth.example.org/", True),
        ("https://registry.example.org", "https://evil.org/", False),
        ("https://registry.example.org", "https://evilexample.org/", False),
        ("https://registry.example.org", "https://org/", False),
        ("https://a.registry.example.org", "https://example.org/", False),
        ("https://example.org", "https://evil.org/", False),
        ("https://example.co.uk", "https://evil.co.uk/", False),
        ("https://registry.example.co.uk", "https://auth.example.co.uk/", True),
        ("https://mine.azurecr.io", "https://theirs.azurecr.io/", False),
        ("https://mine.azurecr.io", "https://mine.azurecr.io/oauth2/token", True),
        ("https://1.dkr.ecr.eu.amazonaws.com", "https://2.dkr.ecr.eu.amazonaws.com/", False),
        ("https://registry.falco.svc", "https://tokens.falco.svc/", True),
        ("https://registry.falco", "https://tokens.falco/", False),
        ("https://registry", "https://tokens/", False),
        ("https://10.0.0.1:5000", "https://10.0.0.1/token", True),
        ("https://10.0.0.1", "https://11.0.0.1/token", False),
        ("https://[fd00::1]", "https://[fd00::2]/", False),
        ("https://127.0.0.1", "https://localhost/", False),
    ],
)
def test_credentials_stay_with_the_registry_and_its_domain(registry, realm, expected):
    ours, theirs = origin_of(registry), origin_of(realm)
    assert ours is not None
    assert theirs is not None
    assert may_see_credentials(theirs, ours) is expected


def test_an_origin_is_shown_as_users_write_it():
    shown = [str(origin_of(url)) for url in ("https://a/", "https://a:5000/", "http://a:443/x")]
    assert shown == ["https://a", "https://a:5000", "http://a:443"]
