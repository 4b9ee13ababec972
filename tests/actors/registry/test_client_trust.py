"""Who gets to see credentials: the registry itself, and its token server, and nobody else."""

from base64 import b64encode

import pytest

from resources.registry.request import Credentials, Endpoint, Lookup
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    HostileRegistry,
    Seen,
    blob_path,
    digest_of,
    manifest_path,
    reply,
)
from tests.actors.registry.pulling import found, looked_up, not_found, pulled, refused

KNOWN = Credentials("falco", "a secret")
BASIC = f"Basic {b64encode(b'falco:a secret').decode()}"
GOOD = hostile.good()
LATEST = manifest_path("latest")


@pytest.fixture
def registry(keys):
    """A registry with TLS."""
    with HostileRegistry(keys) as started:
        yield started


@pytest.fixture
def other(keys):
    """Another server with TLS, on another port."""
    with HostileRegistry(keys) as started:
        yield started


@pytest.fixture
def plain():
    """A server without TLS."""
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def endpoint(registry, authority):
    """The registry's repository, with credentials."""
    return registry.endpoint(ca=authority.certificate.read_text(), credentials=KNOWN)


async def complaint(endpoint):
    return (await not_found(endpoint)).message


def challenging(registry, challenge, accepted):
    """Have the registry's tag ask for this before it is shown."""
    artifact = registry.artifact(GOOD, "latest")

    def act(request):
        known = request.headers.get("Authorization") == accepted
        status, header = (200, "Docker-Content-Digest") if known else (401, "WWW-Authenticate")
        reply(request, b"", status, **{header: artifact if known else challenge})

    registry.act(LATEST, act)
    return artifact


def bearer(realm):
    return f'Bearer realm="{realm}",service="registry",scope="repository:falco/rules:pull"'


def elsewhere(server):
    """Another host than the registry's own."""
    return server.url.replace("127.0.0.1", "localhost")


async def test_nothing_is_shown_unasked(registry, endpoint):
    registry.artifact(GOOD, "latest")
    await found(endpoint)
    assert registry.seen == [Seen("HEAD", LATEST, "")]


async def test_the_registry_itself_is_shown_them_when_it_asks(registry, endpoint):
    artifact = challenging(registry, 'Basic realm="registry"', BASIC)
    assert await found(endpoint) == artifact
    assert [seen.authorization for seen in registry.seen] == ["", BASIC]


async def test_a_token_server_on_the_same_host_is_shown_them(registry, other, endpoint):
    artifact = challenging(registry, bearer(f"{other.url}/token"), "Bearer t0ken")
    other.serve("/token", b'{"access_token": "t0ken"}')
    assert await found(endpoint) == artifact
    assert [seen.authorization for seen in other.seen] == [BASIC]
    assert "scope=repository%3Afalco%2Frules%3Apull" in other.seen[0].path


async def test_a_token_server_on_another_host_is_not_shown_them(registry, other, endpoint):
    challenging(registry, bearer(f"{elsewhere(other)}/token"), "Bearer t0ken")
    message = await complaint(endpoint)
    assert f"the registry wants the credentials sent to https://localhost:{other.port}" in message
    assert not other.seen


async def test_a_token_server_without_tls_is_not_shown_them(registry, plain, endpoint):
    challenging(registry, bearer(f"{plain.url}/token"), "Bearer t0ken")
    assert f"wants the credentials sent to {plain.url}; cred" in await complaint(endpoint)
    assert not plain.seen


async def test_a_token_server_without_tls_is_not_asked_at_all(registry, plain, authority):
    challenging(registry, bearer(f"{plain.url}/token"), "Bearer t0ken")
    nobody = registry.endpoint(ca=authority.certificate.read_text())
    assert f"a token server without TLS: {plain.url}" in await complaint(nobody)
    assert not plain.seen


async def test_what_a_private_stranger_answers_is_no_token_for_the_registry(
    registry, other, authority
):
    challenging(registry, bearer(f"{elsewhere(other)}/token"), "Bearer t0ken")
    other.serve("/token", b'{"token": "t0ken"}')
    message = await complaint(registry.endpoint(ca=authority.certificate.read_text()))
    assert f"https://localhost:{other.port} has the private address 127.0.0.1" in message
    assert {seen.authorization for seen in registry.seen} == {""}


async def test_a_token_server_that_redirects_elsewhere_gives_nothing_away(
    registry, other, endpoint
):
    challenging(registry, bearer(f"{registry.url}/token"), "Bearer t0ken")
    registry.redirect("/token", f"{elsewhere(other)}/token")
    other.serve("/token", b'{"token": "t0ken"}')
    assert "what it answers is not for this registry" in await complaint(endpoint)
    assert [seen.authorization for seen in other.seen] == [""]
    assert {seen.authorization for seen in registry.seen} == {"", BASIC}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the token server's answer is no token"),
        (b'{"token": 5}', "the token server's answer is no token"),
        (b'{"token": "a b"}', "the token has characters that cannot be sent"),
        (b" " * (1 << 20), "the token server's answer has more than 262144 bytes"),
    ],
)
async def test_a_token_that_is_none_is_named_as_the_problem(registry, endpoint, answer, message):
    challenging(registry, bearer(f"{registry.url}/token"), "Bearer t0ken")
    registry.serve("/token", answer)
    assert message in await complaint(endpoint)


@pytest.mark.parametrize(
    ("challenge", "message"),
    [
        ("", "an authentication that is not supported"),
        ("Negotiate", "an authentication that is not supported"),
        ("Bearer", "a token server that has no valid address"),
        (bearer("https://127.0.0.1\\@evil.example/"), "a token server that has no valid address"),
        (bearer("file:///etc/passwd"), "a token server that has no valid address"),
    ],
)
async def test_a_challenge_that_cannot_be_answered_is_named_as_the_problem(
    registry, endpoint, challenge, message
):
    challenging(registry, challenge, "")
    assert message in await complaint(endpoint)


async def test_a_token_in_the_secret_is_sent_as_it_is(registry, authority):
    artifact = challenging(registry, bearer("https://tokens.invalid/"), "Bearer given")
    ca = authority.certificate.read_text()
    given = registry.endpoint(ca=ca, credentials=Credentials("", "given"))
    assert await found(given) == artifact


async def test_a_redirect_to_another_host_is_followed_without_credentials(
    registry, other, endpoint, tmp_path
):
    artifact = challenging(registry, 'Basic realm="registry"', BASIC)
    registry.redirect(blob_path(digest_of(GOOD)), f"{elsewhere(other)}/storage?signed=yes")
    other.serve("/storage", GOOD)
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES
    assert [seen.authorization for seen in other.seen] == [""]


async def test_another_host_that_asks_for_credentials_gets_none(
    registry, other, endpoint, tmp_path
):
    artifact = registry.artifact(GOOD)
    registry.redirect(blob_path(digest_of(GOOD)), f"{elsewhere(other)}/storage")
    other.serve("/storage", b"", 401, WWW_Authenticate='Basic realm="storage"')
    error = await refused(endpoint, artifact, tmp_path)
    assert f"https://localhost:{other.port} answered 401 for blob" in str(error)
    assert {seen.authorization for seen in other.seen} == {""}


async def test_another_host_cannot_have_us_fetch_a_token(registry, other, endpoint, tmp_path):
    artifact = registry.artifact(GOOD)
    registry.serve("/token", b'{"token": "t0ken"}')
    registry.redirect(blob_path(digest_of(GOOD)), f"{elsewhere(other)}/storage")
    other.serve("/storage", b"", 401, WWW_Authenticate=bearer(f"{registry.url}/token"))
    assert "answered 401 for blob" in str(await refused(endpoint, artifact, tmp_path))
    assert {seen.authorization for seen in registry.seen} == {""}


async def test_what_the_home_directory_knows_is_not_used(
    registry, authority, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret")
    registry.artifact(GOOD, "latest")
    await found(registry.endpoint(ca=authority.certificate.read_text()))
    assert registry.seen == [Seen("HEAD", LATEST, "")]


async def test_a_way_back_does_not_bring_the_credentials_back(registry, other, endpoint):
    """Whoever it leads past could have chosen what they are shown to."""
    artifact = challenging(registry, 'Basic realm="registry"', BASIC)
    registry.artifact(GOOD, "again")
    registry.redirect(manifest_path("moved"), f"{elsewhere(other)}/back")
    other.redirect("/back", f"{registry.url}{manifest_path('again')}")
    asked = [Lookup(endpoint, "latest"), Lookup(endpoint, "moved")]
    assert [answer.digest for answer in await looked_up(asked)] == [artifact, artifact]
    assert [seen.authorization for seen in registry.seen] == ["", BASIC, BASIC, ""]
    assert [seen.authorization for seen in other.seen] == [""]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("{registry}" + LATEST, "the registry redirects more than 5 times"),
        (LATEST, "the registry redirects more than 5 times"),
        ("{plain}/a", "redirects to http://127.0.0.1:{port}, which is without TLS"),
        ("file:///etc/passwd", "redirects to an address that is not valid"),
        ("https://[::1", "redirects to an address that is not valid"),
        ("//[", "redirects to an address that is not valid"),
        ("https://[1:2]/", "redirects to an address that is not valid"),
        ("https://127.0.0.1\\@evil.example/", "redirects to an address that is not valid"),
    ],
)
async def test_a_redirect_that_leads_nowhere_good_is_not_followed(
    registry, plain, endpoint, location, message
):
    registry.redirect(LATEST, location.format(registry=registry.url, plain=plain.url))
    assert message.format(port=plain.port) in await complaint(endpoint)
    assert not plain.seen
    assert len(registry.seen) <= 6


async def test_a_redirect_with_an_endless_body_is_followed_all_the_same(
    registry, endpoint, tmp_path
):
    artifact = registry.artifact(GOOD)

    def endless(request):
        request.send_response(307)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", str(1 << 40))
        request.end_headers()
        while True:
            request.wfile.write(b"\0" * 65536)

    registry.act(blob_path(digest_of(GOOD)), endless)
    registry.serve("/elsewhere", GOOD)
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES


@pytest.mark.parametrize(
    ("registry", "repository", "path"),
    [
        ("registry.example:5000", "falco/rules", "registry.example:5000/v2/falco/rules"),
        ("registry.example", "with.dot/rules", "registry.example/v2/with.dot/rules"),
        ("single", "rules", "single/v2/rules"),
        ("docker.io", "busybox", "registry-1.docker.io/v2/library/busybox"),
        ("docker.io", "falco/rules", "registry-1.docker.io/v2/falco/rules"),
    ],
)
async def test_a_proxy_from_the_environment_is_asked_for_the_right_place(
    plain, monkeypatch, registry, repository, path
):
    monkeypatch.setenv("HTTP_PROXY", plain.url)
    artifact, behind = plain.artifact(GOOD), f"http://{path}/manifests/latest"
    plain.serve(behind, b"", Docker_Content_Digest=artifact)
    assert await found(Endpoint(registry, repository, plain_http=True)) == artifact
    assert [seen.path for seen in plain.seen] == [behind]


async def test_what_no_proxy_names_is_asked_directly(plain, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "registry.invalid,127.0.0.0/8")
    artifact = plain.artifact(GOOD, "latest")
    assert await found(plain.endpoint()) == artifact


async def test_a_proxy_that_wants_a_password_is_named(plain, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", plain.url)
    plain.serve(f"http://registry.example{LATEST}", b"", 407)
    endpoint = Endpoint("registry.example", "falco/rules", plain_http=True)
    assert "the proxy asks for a user name and password (407)" in await complaint(endpoint)


@pytest.mark.parametrize("status", [403, 407])
async def test_a_proxy_that_refuses_is_named_without_its_password(plain, monkeypatch, status):
    secret = plain.url.replace("http://", "http://user:secret@")
    monkeypatch.setenv("HTTPS_PROXY", secret)
    plain.serve("registry.example:443", b"", status)
    message = await complaint(Endpoint("registry.example", "falco/rules"))
    what = "https://registry.example cannot be reached through the proxy"
    assert f"{what}, which answered {status}" in message
    assert plain.seen[0].method == "CONNECT"
