"""Credentials in objects and texts are known by their names and forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.concealed import concealed, text_concealed


def hide(_text):
    return "X"


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ({"password": "p"}, {"password": "X"}),
        ({"apiToken": "p", "api_key": "q"}, {"apiToken": "X", "api_key": "X"}),
        (
            {"secretName": "kept", "tokenPath": "/kept"},
            {"secretName": "kept", "tokenPath": "/kept"},
        ),
        ({"secretKeyRef": {"name": "a", "key": "b"}}, {"secretKeyRef": {"name": "a", "key": "b"}}),
        ({"passwords": ["a", "b"]}, {"passwords": ["X", "X"]}),
        ([{"name": "DB_PASSWORD", "value": "p"}], [{"name": "DB_PASSWORD", "value": "X"}]),
        ([{"name": "HOST_ROOT", "value": "/host"}], [{"name": "HOST_ROOT", "value": "/host"}]),
        ({"automountServiceAccountToken": False}, {"automountServiceAccountToken": False}),
        ({"url": "https://me:word@example.org/x"}, {"url": "https://X@example.org/x"}),
    ],
)
def test_a_value_is_known_by_the_name_of_its_field_or_variable(value, hidden):
    assert concealed(value, hide) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abcdefghij", "Authorization: X X"),
        ("password=hunter22, user=me", "password=X, user=me"),
        ('{"token":"abcdefgh"}', '{"token":"X"}'),
        ("eyJhbGciOiJSUzI1.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl", "X"),
        ("the token was refused", "the token was refused"),
    ],
)
def test_a_text_loses_what_looks_like_a_credential(text, hidden):
    assert text_concealed(text, hide) == hidden


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
))  # fmt: skip
def test_any_value_keeps_its_shape(value):
    assert type(concealed(value, hide)) is type(value)
