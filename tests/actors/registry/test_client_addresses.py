"""Where connections lead: to no address of the machine itself, whoever names it."""

import socket

import pytest

from actors.registry import connection
from actors.registry.failure import ExchangeError
from actors.registry.session import Session
from resources.registry.request import Endpoint
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import REPOSITORY, HostileRegistry, blob_path, digest_of
from tests.actors.registry.hostile_registry import manifest_path as path_of
from tests.actors.registry.pulling import endpoint_of, found, not_found, refused

GOOD = hostile.good()
LATEST = path_of("latest")
# Some of the ways to write 127.0.0.1.
FORMS = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:7f00:1]")


@pytest.fixture
def registry():
    """The registry of an artifact, on a host that the administrator permits."""
    with HostileRegistry(host="127.0.0.2") as started:
        yield started


@pytest.fixture
def inner():
    """A server of the machine itself."""
    with HostileRegistry() as started:
        yield started


def permitted(server, **more):
    return server.endpoint(local_registries=(f"127.0.0.2:{server.port}",), **more)


@pytest.mark.parametrize("form", FORMS)
async def test_a_registry_on_the_machine_itself_is_not_asked(inner, form):
    problem = await not_found(Endpoint(f"{form}:{inner.port}", "falco/rules", plain_http=True))
    assert "which only --allow-local-registry permits" in problem.message
    assert not problem.transient
    assert not inner.seen


@pytest.mark.parametrize("form", FORMS)
async def test_a_redirect_to_the_machine_itself_is_not_followed(registry, inner, form):
    registry.redirect(LATEST, f"http://{form}:{inner.port}/debug/actors")
    assert "has the loopback address" in (await not_found(permitted(registry))).message
    assert not inner.seen


@pytest.mark.parametrize("form", FORMS)
async def test_a_token_server_on_the_machine_itself_is_not_asked(registry, inner, form):
    realm = f'Bearer realm="http://{form}:{inner.port}/token"'
    registry.serve(LATEST, b"", 401, WWW_Authenticate=realm)
    assert "has the loopback address" in (await not_found(permitted(registry))).message
    assert not inner.seen


async def test_a_blob_on_the_machine_itself_is_not_pulled(registry, inner, tmp_path):
    digest = registry.artifact(GOOD)
    registry.redirect(blob_path(digest_of(GOOD)), f"{inner.url}/blob")
    error = await refused(permitted(registry), digest, tmp_path)
    assert "127.0.0.1 has the loopback address 127.0.0.1" in str(error)
    assert not inner.seen


async def test_a_host_that_is_permitted_is_asked(registry):
    digest = registry.artifact(GOOD, "latest")
    assert await found(permitted(registry)) == digest


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0.0.0.0", "[::ffff:7f00:1]"])
async def test_a_proxy_is_not_asked_for_such_an_address(inner, monkeypatch, host):
    monkeypatch.setenv("HTTP_PROXY", inner.url)
    problem = await not_found(Endpoint(host, "falco/rules", plain_http=True))
    assert "which only --allow-local-registry permits" in problem.message
    assert not inner.seen


def test_a_name_is_resolved_once_and_only_checked_addresses_are_connected_to(monkeypatch):
    answers = [["127.0.0.1", "10.0.0.1"], ["127.0.0.1"]]
    connected = []

    def resolved(*_arguments, **_options):
        return [(socket.AF_INET, 0, 0, "", (address, 80)) for address in answers.pop(0)]

    def connect(address, *_arguments, **_options):
        connected.append(address)
        return socket.socket()

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(connection, "create_connection", connect)
    pool = connection.pools(frozenset())["http"]("rebinding.example", 80)
    opened = pool._get_conn()
    opened.connect()
    opened.close()
    assert connected == [("10.0.0.1", 80)]
    assert answers == [["127.0.0.1"]]
    with pytest.raises(ExchangeError, match=r"rebinding\.example has the loopback address"):
        pool._get_conn().connect()


@pytest.fixture
def public(monkeypatch):
    """Of the addresses of the machine only 127.0.0.2 counts as one of the Internet."""
    monkeypatch.setattr("actors.registry.session.is_public", lambda address: address == "127.0.0.2")


@pytest.mark.usefixtures("public")
def test_a_public_registry_cannot_have_the_digest_of_a_private_page(registry, inner):
    inner.serve("/page", b"a secret page")
    registry.redirect(LATEST, f"{inner.url}/page")
    with pytest.raises(ExchangeError, match=r"has the private address 127\.0\.0\.1"):
        Session(registry.endpoint(), 5.0).digest_of("latest")
    assert [seen.method for seen in inner.seen] == ["HEAD"]


def test_a_registry_behind_a_proxy_counts_as_public(registry, inner, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", registry.url)
    path = f"http://registry.example{LATEST}"
    registry.redirect(path, f"{inner.url}/page")
    inner.serve("/page", b"a secret page")
    endpoint = endpoint_of("registry.example", REPOSITORY, plain_http=True)
    with pytest.raises(ExchangeError, match=r"has the private address 127\.0\.0\.1"):
        Session(endpoint, 5.0).digest_of("latest")


@pytest.mark.usefixtures("public")
def test_a_public_registry_gets_no_token_of_its_own_host_at_a_private_address(registry, inner):
    registry.redirect("/token", f"{inner.url}/token")
    inner.serve("/token", b'{"token": "t0ken"}')
    realm = f'Bearer realm="{registry.url}/token"'
    registry.serve(LATEST, b"", 401, WWW_Authenticate=realm)
    with pytest.raises(ExchangeError, match=r"has the private address 127\.0\.0\.1"):
        Session(registry.endpoint(), 5.0).digest_of("latest")
    assert {seen.authorization for seen in registry.seen} == {""}


@pytest.mark.usefixtures("public")
def test_a_token_for_anybody_may_come_from_any_public_server(inner):
    with HostileRegistry(host="127.0.0.2") as tokens:
        tokens.serve("/token", b'{"token": "t0ken"}')
        realm = f'Bearer realm="{tokens.url}/token"'
        inner.serve(LATEST, b"", 401, WWW_Authenticate=realm)
        with pytest.raises(ExchangeError, match="was denied"):
            Session(inner.endpoint(), 5.0).digest_of("latest")
    assert [seen.authorization for seen in inner.seen] == ["", "Bearer t0ken"]


def test_the_headers_of_an_answer_are_bounded(inner):
    def act(request):
        request.send_response(200)
        for number in range(90):
            request.send_header(f"X-{number}", "x" * 60_000)
        request.end_headers()

    inner.act(LATEST, act)
    with pytest.raises(ExchangeError, match="has headers of more than 65536 bytes"):
        Session(inner.endpoint(), 5.0).digest_of("latest")


def test_interim_answers_count_as_headers(inner):
    def act(request):
        while True:
            request.wfile.write(b"HTTP/1.1 100 Continue\r\nX: " + b"x" * 9_000 + b"\r\n\r\n")

    inner.act(LATEST, act)
    with pytest.raises(ExchangeError, match="has headers of more than 65536 bytes"):
        Session(inner.endpoint(), 5.0).digest_of("latest")
