"""Real registries that do not let everybody in, or that not everybody should believe."""

import pytest

from deploy.local.registry import Registry
from resources.registry.request import Credentials, Lookup
from tests.actors.registry.hostile_registry import HostileRegistry
from tests.actors.registry.published import RULES, Published
from tests.actors.registry.pulling import (
    endpoint_of,
    found,
    looked_up,
    not_found,
    problem_of,
    pulled,
    refused,
)
from tests.registries import PASSWORD, REFRESH_TOKEN, USERNAME, TokenServer, basic_auth, tls

KNOWN = Credentials(USERNAME, PASSWORD)
WRONG = Credentials(USERNAME, "a wrong secret")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return Published(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def basic(published, tmp_path_factory):
    """The address of a registry that wants a password."""
    with Registry(published.directory, basic_auth(tmp_path_factory.mktemp("basic"))) as started:
        yield started.address


@pytest.fixture(scope="module")
def secure(published, keys):
    """The address of a registry with TLS."""
    with Registry(published.directory, tls(keys)) as started:
        yield started.address


def rules(address, credentials=None):
    return endpoint_of(address, "falco/rules", plain_http=True, credentials=credentials)


async def test_a_password_opens_a_registry(published, basic, tmp_path):
    endpoint = rules(basic, KNOWN)
    assert await found(endpoint) == published.rules
    assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        (None, "the registry asks for credentials, and there are none"),
        (WRONG, "was denied (401): the credentials were refused"),
    ],
)
async def test_without_the_right_password_it_stays_closed(
    published, basic, tmp_path, credentials, message
):
    error = await refused(rules(basic, credentials), published.rules, tmp_path)
    assert message in str(error)
    assert not error.transient


async def test_endpoints_of_one_registry_do_not_share_their_credentials(published, basic):
    asked = [Lookup(rules(basic, known), "latest") for known in (KNOWN, None, WRONG, KNOWN)]
    answers = await looked_up(asked)
    assert [answer.digest for answer in answers] == [published.rules, "", "", published.rules]


async def test_a_token_opens_a_registry(published, authority, tmp_path):
    with TokenServer(authority) as tokens, Registry(published.directory, tokens.config) as registry:
        endpoint = rules(registry.address, KNOWN)
        assert await found(endpoint) == published.rules
        tokens.asked.clear()
        assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES
        assert [asked.scope for asked in tokens.asked] == ["repository:falco/rules:pull"]


async def test_an_identity_token_opens_a_registry(published, authority, tmp_path):
    with TokenServer(authority) as tokens, Registry(published.directory, tokens.config) as registry:
        endpoint = rules(registry.address, Credentials("", "", REFRESH_TOKEN))
        assert await found(endpoint) == published.rules
        tokens.asked.clear()
        assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES
    [asked] = tokens.asked
    assert (asked.authorization, asked.scope) == ("", "repository:falco/rules:pull")
    assert asked.form == {
        "grant_type": "refresh_token",
        "service": "registry of the tests",
        "client_id": "falco-operator",
        "refresh_token": REFRESH_TOKEN,
    }


async def test_an_identity_token_that_is_revoked_is_told(published, authority, tmp_path):
    with TokenServer(authority) as tokens, Registry(published.directory, tokens.config) as registry:
        endpoint = rules(registry.address, Credentials("", "", "a revoked secret"))
        error = await refused(endpoint, published.rules, tmp_path)
    assert "access to a token was denied (401): the credentials were refused" in str(error)
    assert not error.transient


async def test_an_identity_token_is_no_password(published, basic, tmp_path):
    error = await refused(rules(basic, Credentials("", "", "secret")), published.rules, tmp_path)
    assert "asks for a password, and there is an identitytoken" in str(error)


async def test_an_identity_token_follows_no_redirect_and_goes_to_no_stranger():
    known = Credentials("", "", "secret")
    with HostileRegistry() as registry, HostileRegistry(host="127.0.0.2") as stranger:
        asks = {"WWW_Authenticate": f'Bearer realm="{registry.url}/token"'}
        registry.serve("/v2/falco/rules/manifests/latest", b"", 401, **asks)
        registry.redirect("/token", f"{stranger.url}/token")
        problem = await not_found(registry.endpoint(credentials=known))
        assert "redirects a request with a refresh token" in problem.message
        asks = {"WWW_Authenticate": f'Bearer realm="{stranger.url}/token"'}
        registry.serve("/v2/falco/rules/manifests/latest", b"", 401, **asks)
        problem = await not_found(registry.endpoint(credentials=known))
        assert "wants the credentials sent to" in problem.message
        assert stranger.seen == []


async def test_a_token_for_anybody_opens_a_public_registry(published, authority, tmp_path):
    with TokenServer(authority, is_open=True) as tokens:
        with Registry(published.directory, tokens.config) as registry:
            await pulled(rules(registry.address), published.rules, tmp_path)
        assert [asked.authorization for asked in tokens.asked] == [""]


@pytest.mark.parametrize("credentials", [None, WRONG])
async def test_without_the_right_password_there_is_no_token(
    published, authority, tmp_path, credentials
):
    with TokenServer(authority) as tokens, Registry(published.directory, tokens.config) as registry:
        error = await refused(rules(registry.address, credentials), published.rules, tmp_path)
    assert "access to a token was denied (401)" in str(error)
    assert not error.transient


async def test_a_token_server_is_trusted_by_the_same_ca(published, authority, keys, tmp_path):
    ca = authority.certificate.read_text()
    with TokenServer(authority, keys) as tokens:
        with Registry(published.directory, {**tls(keys), **tokens.config}) as registry:
            endpoint = endpoint_of(registry.address, "falco/rules", ca=ca, credentials=KNOWN)
            assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES
        assert len(tokens.asked) == 1


async def test_a_private_ca_is_trusted_where_it_is_given(published, secure, authority, tmp_path):
    endpoint = endpoint_of(secure, "falco/rules", ca=authority.certificate.read_text())
    assert await found(endpoint) == published.rules
    assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES


async def test_without_its_ca_a_registry_is_not_trusted(published, secure, tmp_path):
    endpoint = endpoint_of(secure, "falco/rules", credentials=KNOWN)
    error = await refused(endpoint, published.rules, tmp_path)
    assert f"the certificate of https://{secure} is not valid" in str(error)
    assert not error.transient


async def test_checking_is_skipped_for_the_endpoint_that_says_so_alone(published, secure):
    careless, careful = (
        endpoint_of(secure, "falco/rules", skip_verify=skipped) for skipped in (True, False)
    )
    answers = await looked_up([Lookup(each, "latest") for each in (careless, careful)])
    assert answers[0].digest == published.rules
    assert "certificate" in problem_of(answers[1]).message


async def test_a_ca_that_is_none_is_named_as_the_problem(secure):
    problem = await not_found(endpoint_of(secure, "falco/rules", ca="no PEM"))
    assert "the CA given for the registry holds no valid certificate" in problem.message


async def test_tls_is_not_spoken_with_a_registry_without(basic):
    problem = await not_found(endpoint_of(basic, "falco/rules"))
    assert problem.message.endswith(f"https://{basic} does not speak TLS")
    assert not problem.transient
