"""WWW-Authenticate, as registries write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.registry.challenge import Challenge, challenges, chosen

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:library/busybox:pull"'
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            HUB,
            [
                Challenge(
                    "bearer",
                    "https://auth.docker.io/token",
                    "registry.docker.io",
                    "repository:library/busybox:pull",
                )
            ],
        ),
        ('Basic realm="a, b"', [Challenge("basic", "a, b")]),
        ('basic Realm="a"', [Challenge("basic", "a")]),
        ("Bearer realm=plain, service = spaced", [Challenge("bearer", "plain", "spaced")]),
        (r'Basic realm="a \"quoted\" word"', [Challenge("basic", 'a "quoted" word')]),
        ('Basic realm="a", Bearer realm="b"', [Challenge("basic", "a"), Challenge("bearer", "b")]),
        ('Negotiate, Basic realm="a"', [Challenge("negotiate"), Challenge("basic", "a")]),
        ('Bearer realm="a",realm="b"', [Challenge("bearer", "a")]),
        ('Bearer realm="a",error="invalid_token"', [Challenge("bearer", "a")]),
        ('Bearer realm="unclosed', [Challenge("bearer")]),
        ('realm="alone"', []),
        ("", []),
        (",,,", []),
    ],
)
def test_challenges_are_read_one_by_one(header, expected):
    assert challenges(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="a", Bearer realm="b"', Challenge("bearer", "b")),
        ('Negotiate, Basic realm="a"', Challenge("basic", "a")),
        ('Bearer realm="a", Bearer realm="b"', Challenge("bearer", "a")),
        ("Negotiate", None),
        ("", None),
    ],
)
def test_a_token_is_preferred_to_a_password(header, expected):
    assert chosen(header) == expected


@given(st.text(max_size=200))
def test_no_header_breaks_the_reader(header):
    chosen(header)
