"""The way to an artifact by the table: what is added, what wins, and who gets credentials."""

import json
from base64 import b64encode

import pytest
from msgspec.structs import replace

from resources.registry.credentials import DEFAULT_POLICY, REGISTRY_ANNOTATION, InvalidCredentials
from resources.registry.request import Credentials, Endpoint, Proxy
from resources.registry.route import (
    Place,
    Unusable,
    credentials_of,
    route_of,
    routed,
    secrets_of,
)
from resources.registry.table import NO_TABLE
from resources.registry.table_reader import read_table
from resources.signatures.official import official_identities

PEM = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----"
TABLE = read_table(
    f"""
mirrors:
- prefix: ghcr.io/falcosecurity
  locations: [mirror.corp/ghcr, "plain.corp:5000"]
- prefix: quay.io
  locations: [mirror.corp/quay]
  skipFallback: true
hosts:
  mirror.corp:
    tls: {{ca: "{PEM.replace(chr(10), chr(92) + "n")}"}}
    auth: {{secretRef: {{name: mirror}}}}
  plain.corp:5000: {{plainHTTP: true}}
  ghcr.io: {{tls: {{insecureSkipVerify: true}}, auth: {{secretRef: {{name: ghcr}}}}}}
proxy: http://proxy.corp:3128
noProxy: [.corp]
localRegistries: [localhost]
""".encode()
)
OWN = Endpoint("ghcr.io", "falcosecurity/rules/x", local_registries=("127.0.0.1",))
MIRROR, PLAIN = Place("mirror.corp", "ghcr/rules/x"), Place("plain.corp:5000", "rules/x")
GHCR = Place("ghcr.io", "falcosecurity/rules/x")
ME, THEM = Credentials("me", "mine"), Credentials("them", "theirs")


def nobody(_place):
    return None


def secret(annotation="", **data):
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    annotations = {REGISTRY_ANNOTATION: annotation} if annotation else {}
    return {"metadata": {"annotations": annotations}, "data": encoded}


def docker(*hosts):
    auths = {host: {"username": "me", "password": "mine"} for host in hosts}
    return {
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": b64encode(json.dumps({"auths": auths}).encode()).decode()},
    }


def of(document, registry="ghcr.io", repository="falcosecurity/rules/x", table=TABLE):
    return credentials_of(document, DEFAULT_POLICY, table, registry, repository)


def test_without_a_table_an_endpoint_is_what_the_artifact_says():
    assert routed(OWN, NO_TABLE, {GHCR: ME}, nobody) == Endpoint(
        "ghcr.io", "falcosecurity/rules/x", local_registries=("127.0.0.1",), credentials=ME
    )


def test_mirrors_come_first_each_with_the_settings_of_its_host():
    found = routed(OWN, TABLE, {}, nobody)
    assert [str(place) for place in found.places] == [
        "mirror.corp/ghcr/rules/x",
        "plain.corp:5000/rules/x",
        "ghcr.io/falcosecurity/rules/x",
    ]
    assert [place.ca for place in found.places] == [PEM, "", ""]
    assert [place.plain_http for place in found.places] == [False, True, False]
    assert [place.skip_verify for place in found.places] == [False, False, True]
    assert {place.proxy for place in found.places} == {Proxy("http://proxy.corp:3128", (".corp",))}
    assert {place.local_registries for place in found.places} == {("127.0.0.1", "localhost")}


def test_a_registry_that_is_never_asked_is_no_place():
    own = Endpoint("quay.io", "a/b")
    assert [str(place) for place in routed(own, TABLE, {}, nobody).places] == [
        "mirror.corp/quay/a/b"
    ]


@pytest.mark.parametrize(
    "settings", [{"plain_http": True}, {"ca": "own"}, {"ca": "own", "skip_verify": True}]
)
def test_what_an_artifact_says_wins_at_its_registry_and_counts_nowhere_else(settings):
    own = Endpoint("ghcr.io", "falcosecurity/rules/x", **settings)
    *mirrors, registry = routed(own, TABLE, {}, nobody).places
    assert (registry.plain_http, registry.ca, registry.skip_verify) == (
        own.plain_http,
        own.ca,
        own.skip_verify,
    )
    assert [(place.plain_http, place.ca, place.skip_verify) for place in mirrors] == [
        (False, PEM, False),
        (True, "", False),
    ]


def test_the_settings_of_a_host_count_for_artifacts_that_name_it_themselves():
    found = routed(Endpoint("mirror.corp", "a"), TABLE, {}, nobody)
    assert (found.ca, found.mirrors) == (PEM, ())


def test_credentials_of_the_artifact_come_before_those_of_the_table():
    def of_table(place):
        return THEM if place.host in {"mirror.corp", "ghcr.io"} else None

    found = routed(OWN, TABLE, {GHCR: ME}, of_table)
    assert [place.credentials for place in found.places] == [THEM, None, ME]


@pytest.mark.parametrize("settings", [{"plain_http": True}, {"ca": "own"}, {"skip_verify": True}])
def test_credentials_of_the_table_are_not_sent_where_a_user_says_whom_to_trust(settings):
    own = Endpoint("ghcr.io", "falcosecurity/rules/x", **settings)
    found = routed(own, TABLE, {}, lambda _: THEM)
    assert [place.credentials for place in found.places] == [THEM, THEM, None]
    own = Endpoint("mirror.corp", "a", **settings)
    assert routed(own, TABLE, {}, lambda _: THEM).credentials is None


def test_a_secret_of_the_table_that_is_not_there_makes_its_host_unusable_and_no_other():
    def of_table(place):
        return Unusable("no such Secret") if place.host == "mirror.corp" else None

    found = routed(OWN, TABLE, {}, of_table)
    assert [place.unusable for place in found.places] == ["no such Secret", "", ""]
    own = routed(OWN, TABLE, {MIRROR: ME}, of_table)
    assert [place.unusable for place in own.places] == ["", "", ""]


def test_a_user_name_without_an_annotation_is_for_the_registry_of_the_artifact_only():
    assert of(secret(username="me", password="mine")) == {GHCR: ME}


def test_a_user_name_goes_where_its_annotation_says_and_nowhere_else():
    assert of(secret("mirror.corp", username="me", password="mine")) == {MIRROR: ME}
    assert of(secret("ghcr.io", username="me", password="mine")) == {GHCR: ME}


def test_each_place_gets_its_entry_of_a_docker_configuration():
    assert of(docker("ghcr.io")) == {GHCR: ME}
    assert of(docker("mirror.corp", "plain.corp:5000")) == {MIRROR: ME, PLAIN: ME}


def test_a_secret_for_no_place_is_refused_as_one_for_the_registry():
    with pytest.raises(InvalidCredentials, match=r"has no entry for ghcr\.io"):
        of(docker("other.corp"))
    with pytest.raises(InvalidCredentials, match=r"has no entry for ghcr\.io"):
        of(docker("mirror.corp"), table=NO_TABLE)


def test_the_secrets_of_the_table_are_read_for_hosts_that_are_asked():
    assert secrets_of(TABLE, *GHCR) == {"mirror.corp": "mirror", "ghcr.io": "ghcr"}
    assert secrets_of(TABLE, "quay.io", "a") == {"mirror.corp": "mirror"}
    assert secrets_of(TABLE, "other.io", "a") == {}


def test_another_table_is_another_lane():
    lanes = {
        routed(OWN, TABLE, {}, nobody).lane,
        routed(Endpoint("ghcr.io", "other/x"), TABLE, {}, nobody).lane,
        routed(OWN, NO_TABLE, {}, nobody).lane,
        routed(OWN, read_table(b"proxy: http://a:1"), {}, nobody).lane,
    }
    assert len(lanes) == 4
    assert "ghcr.io" in lanes


@pytest.mark.parametrize("table", [NO_TABLE, TABLE])
def test_who_takes_plain_http_has_a_lane_of_their_own_that_the_operator_knows(table):
    plain = replace(OWN, plain_http=True)
    lanes = [routed(own, table, {}, nobody).lane for own in (OWN, plain)]
    assert lanes[0] != lanes[1]
    assert lanes[1] == route_of(table, OWN.registry, OWN.repository, plain_http=True)


def test_an_artifact_is_official_by_the_reference_that_its_resource_names():
    found = routed(OWN, TABLE, {}, nobody)
    assert official_identities(found.registry, found.repository)
    assert not any(official_identities(at.registry, at.repository) for at in found.mirrors)
