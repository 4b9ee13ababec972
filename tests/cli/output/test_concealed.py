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
        ({"args": ["--token", "p", "--port", "80"]}, {"args": ["--token", "X", "--port", "80"]}),
        ({"auth": "dTpw"}, {"auth": "X"}),
        ({"url": "https://me:word@example.org/x"}, {"url": "https://X@example.org/x"}),
    ],
)
def test_a_value_is_known_by_the_name_of_its_field_or_variable(value, hidden):
    assert concealed(value, hide) == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer abcdefghij", "Authorization: X X"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: X"),
        ("authorization=token abc", "authorization=X"),
        ("error: password=hunter22", "error: password=X"),
        ("curl -u me:word https://x", "curl -u me:X https://x"),
        ("curl -ume:word --proxy-user=me:word", "curl -ume:X --proxy-user=me:X"),
        ("docker run -u 0:0 x", "docker run -u 0:0 x"),
        ("the pw: word, and pwm=1", "the pw: X, and pwm=1"),
        (
            '{"msg":"key is {\\"password\\":\\"a b\\"}"}',
            '{"msg":"key is {\\"password\\":\\"X\\"}"}',
        ),
        ('password: "two words"', 'password: "X"'),
        ('password: "a line that was cut', 'password: "X'),
        ("passphrase=opensesame pwd=abc", "passphrase=X pwd=X"),
        ("aws_secret_access_key = wJalrXUtnFEMI", "aws_secret_access_key = X"),
        ("run --token abcdefghijk --verbose", "run --token X --verbose"),
        ("run --token-file /kept", "run --token-file /kept"),
        ('{"token":null,"secret":"abc"}', '{"token":null,"secret":"X"}'),
        ("redis://:hunter2pw@redis:6379/0", "redis://X@redis:6379/0"),
        ("https://abcdefghijklm@example.org/x", "https://X@example.org/x"),
        ("https://user:p@ss:word@example.org/", "https://X@example.org/"),
        ("https://example.org/a@sha256:12", "https://example.org/a@sha256:12"),
        ("https://s3.example.org/x?Signature=abc&Key=abc", "https://s3.example.org/x?X"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/X"),
        ("key AKIAABCDEFGHIJKLMNOP", "key X"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nb",
            "a\nX\nb",
        ),
        ("secrets: you may not list them", "secrets: you may not list them"),
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
