"""Credentials are found in every form that users keep them in, and never told of."""

import json
from base64 import b64encode

import pytest

from resources.registry.credentials import (
    REGISTRY_ANNOTATION,
    InvalidCredentials,
    RegistryPolicy,
)
from resources.registry.request import Credentials, Endpoint

FALCO = Credentials("falco", "pass:word")
credentials_of = RegistryPolicy().credentials_of
strict_credentials_of = RegistryPolicy(annotation_required=True).credentials_of


def encoded(text):
    return b64encode(text.encode()).decode()


def secret(**data):
    return {"kind": "Secret", "data": {key: encoded(value) for key, value in data.items()}}


def docker(auths):
    return secret(**{".dockerconfigjson": json.dumps({"auths": auths})})


def auth(username="falco", password="pass:word"):
    return {"auth": encoded(f"{username}:{password}")}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"username": "falco", "password": "pass:word"}, FALCO),
        ({"username": "falco\n", "password": "pass:word\n"}, FALCO),
        ({"username": "falco", "token": "pass:word"}, FALCO),
        ({"username": "falco", "password": "pass:word", "token": "other"}, FALCO),
        ({"username": "fälcö", "password": "pässwörd"}, Credentials("fälcö", "pässwörd")),
        ({"username": "falco", "password": " spaces "}, Credentials("falco", " spaces ")),
    ],
)
def test_plain_keys_are_read(data, expected):
    assert credentials_of(secret(**data), "ghcr.io") == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (auth(), FALCO),
        ({"username": "falco", "password": "pass:word"}, FALCO),
        ({"username": "other", "password": "other", **auth()}, FALCO),
        ({"email": "a@example.org", "unknown": {}, **auth()}, FALCO),
        ({"registrytoken": "t0ken"}, Credentials("", "t0ken")),
        ({"identitytoken": "t0ken"}, Credentials("", "", "t0ken")),
        ({"identitytoken": "t0ken", **auth("0000-0000", "")}, Credentials("", "", "t0ken")),
        ({"identitytoken": "other", "registrytoken": "t0ken"}, Credentials("", "t0ken")),
        ({"identitytoken": "", **auth()}, FALCO),
    ],
)
def test_an_entry_of_a_docker_configuration_is_read(entry, expected):
    assert credentials_of(docker({"ghcr.io": entry}), "ghcr.io") == expected


@pytest.mark.parametrize(
    ("name", "registry", "matches"),
    [
        ("ghcr.io", "ghcr.io", True),
        ("https://ghcr.io", "ghcr.io", True),
        ("https://ghcr.io/v2/", "ghcr.io", True),
        ("http://ghcr.io/v1/", "ghcr.io", True),
        ("GHCR.io", "ghcr.io", True),
        ("ghcr.io", "example.org", False),
        ("ghcr.io", "ghcr.io:5000", False),
        ("host:5000", "host:5000", True),
        ("[fd00::1]:5000", "[fd00::1]:5000", True),
        ("*.example.org", "registry.example.org", True),
        ("*.example.org", "a.registry.example.org", False),
        ("*.example.org", "example.org", False),
        ("*.io", "ghcr.io", True),
        ("https://index.docker.io/v1/", "docker.io", True),
        ("docker.io", "registry-1.docker.io", True),
        ("index.docker.io", "index.docker.io", True),
        ("docker.io", "ghcr.io", False),
        ("ghcr.io/falcosecurity", "ghcr.io", True),
        ("ghcr.io/falcosecurity/rules", "ghcr.io", True),
        ("ghcr.io/falco", "ghcr.io", False),
        ("ghcr.io/other", "ghcr.io", False),
    ],
)
def test_an_entry_is_for_its_host_and_path(name, registry, matches):
    result = None
    try:
        result = credentials_of(docker({name: auth()}), registry, "falcosecurity/rules")
    except InvalidCredentials as error:
        assert f"has no entry for {registry}" in str(error)  # noqa: PT017
    assert result == (FALCO if matches else None)


def test_the_most_specific_entry_wins():
    auths = {
        "ghcr.io": auth("host"),
        "*.io/team": auth("pattern"),
        "ghcr.io/team": auth("team"),
        "ghcr.io/team/rules": auth("rules"),
    }
    taken = {
        repository: credentials_of(docker(auths), "ghcr.io", repository).username
        for repository in ("team/rules", "team/other", "else")
    }
    assert taken == {"team/rules": "rules", "team/other": "team", "else": "host"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "key username is missing; expected are username and password, token, or .dockerconf"),
        ({"data": None}, "key username is missing"),
        (secret(username="falco"), "key password is missing"),
        (secret(username="falco", password=""), "key password is empty"),
        (secret(token=""), "key token is empty"),
        (secret(password="hidden"), "key username is missing"),
        ({"data": {"username": "%", "password": ""}}, "key username is not UTF-8 text"),
        ({"data": {"username": "/w==", "password": ""}}, "key username is not UTF-8 text"),
        ({"data": {"username": 5}}, "key username is not UTF-8 text"),
        (secret(**{".dockerconfigjson": "hidden"}), "is not a Docker configuration"),
        (secret(**{".dockerconfigjson": "[" * 100_000}), "is not a Docker configuration"),
        (secret(**{".dockerconfigjson": '{"auths": ["hidden"]}'}), "not a Docker configuration"),
        (docker({}), "key .dockerconfigjson has no entry for ghcr.io"),
        (docker({"ghcr.io": {}}), "the entry for ghcr.io has no user name and password"),
        (docker({"ghcr.io": {"username": "hidden"}}), "has no user name and password"),
        (docker({"ghcr.io": {"auth": "hidden!"}}), "is not base64 of a user name and password"),
        (docker({"ghcr.io": {"auth": encoded("hidden")}}), "has no user name and password"),
    ],
)
def test_what_is_missing_is_named_by_its_key_alone(given, message):
    with pytest.raises(InvalidCredentials) as error:
        credentials_of(given, "ghcr.io")
    assert message in str(error.value)
    assert "hidden" not in str(error.value)


TOKEN = {"token": "t0ken"}
USER = {"username": "falco", "password": "pass:word"}
SERVICE_ACCOUNT = {**TOKEN, "ca.crt": "x", "namespace": "x"}
OTHERS = ("other.io", "ghcr.io:443", "ghcr.io/path", "*.io", "https://ghcr.io", "")

both_policies = pytest.mark.parametrize("read", [credentials_of, strict_credentials_of])


def only_for(registry, given):
    return {**given, "metadata": {"annotations": {REGISTRY_ANNOTATION: registry}}}


@pytest.mark.parametrize("kind", ["Opaque", "kubernetes.io/basic-auth", "", None])
def test_secrets_of_these_types_are_read(kind):
    assert credentials_of({**secret(**USER), "type": kind}, "ghcr.io") == FALCO


def test_a_docker_configuration_has_a_type_of_its_own():
    given = {**docker({"ghcr.io": auth()}), "type": "kubernetes.io/dockerconfigjson"}
    assert credentials_of(given, "ghcr.io") == FALCO


@both_policies
@pytest.mark.parametrize(
    "kind",
    [
        "kubernetes.io/service-account-token",
        "bootstrap.kubernetes.io/token",
        "kubernetes.io/tls",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/dockercfg",
        "opaque",
        "example.org/password",
    ],
)
@pytest.mark.parametrize("data", [SERVICE_ACCOUNT, USER])
def test_a_secret_of_another_type_is_refused_by_its_name(read, kind, data):
    with pytest.raises(InvalidCredentials) as error:
        read(only_for("ghcr.io", {**secret(**data), "type": kind}), "ghcr.io")
    assert f"type {kind} is not for registries; allowed are Opaque, " in str(error.value)


@pytest.mark.parametrize("data", [TOKEN, {"username": "", **TOKEN}])
def test_a_token_without_a_user_is_sent_only_to_the_registry_of_the_annotation(data):
    given = secret(**data)
    assert credentials_of(only_for("ghcr.io", given), "ghcr.io") == Credentials("", "t0ken")
    with pytest.raises(InvalidCredentials) as error:
        credentials_of(given, "ghcr.io")
    assert f"the annotation {REGISTRY_ANNOTATION}: ghcr.io is missing" in str(error.value)


@both_policies
@pytest.mark.parametrize("named", OTHERS)
@pytest.mark.parametrize("given", [secret(**USER), secret(**TOKEN), docker({"*.io": auth()})])
def test_a_secret_for_another_registry_is_not_sent(read, given, named):
    with pytest.raises(InvalidCredentials) as error:
        read(only_for(named, given), "ghcr.io")
    assert f"allows {named!r} only, and the registry is ghcr.io" in str(error.value)


@pytest.mark.parametrize("given", [secret(**USER), docker({"ghcr.io": auth()})])
def test_a_secret_for_this_registry_is_sent(given):
    assert credentials_of(only_for("ghcr.io", given), "ghcr.io") == FALCO
    assert strict_credentials_of(only_for("GHCR.io", given), "ghcr.io") == FALCO


def test_the_strict_policy_demands_the_annotation_but_for_a_docker_configuration():
    with pytest.raises(InvalidCredentials, match="which --require-registry-annotation demands"):
        strict_credentials_of(secret(**USER), "ghcr.io")
    assert strict_credentials_of(docker({"ghcr.io": auth()}), "ghcr.io") == FALCO


def test_credentials_do_not_show_themselves():
    endpoint = Endpoint("ghcr.io", "falco/rules", credentials=Credentials("user", "hidden"))
    shown = f"{endpoint!r} {endpoint} {endpoint.credentials} {[endpoint.credentials]!r}"
    assert "hidden" not in shown
    assert "user" not in shown
