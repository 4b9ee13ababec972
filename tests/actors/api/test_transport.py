"""Credentials, TLS, dead peers, and what the API server's refusals become."""

import gc
import json
import socket
import subprocess
import sys
from base64 import b64decode
from contextlib import aclosing, closing
from ssl import MemoryBIO
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import uvloop
import yaml

from actors.api import configuration as configuration_module
from actors.api import transport as module
from actors.api.configuration import TokenFile, in_cluster_configuration, kubeconfig_configuration
from actors.api.errors import Garbled, Lost, NotFound, Refused, Unavailable
from actors.api.target import Target
from actors.api.transport import Transport
from deploy.local.certificates import Authority
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef
from tests.eventually import soon

SILENCE = 30.0
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}


async def user_of(transport):
    """Who the API server says that we are."""
    answer = await transport.request(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        verb="create",
        body=json.dumps(REVIEW).encode(),
        headers={"Content-Type": "application/json"},
    )
    return json.loads(answer)["status"]["userInfo"]["username"]


@pytest.fixture
def token_file(account):
    return account.with_name(f"{account.name}.token")


# Who we are, and who the server is.


async def test_a_kubeconfig_with_a_client_certificate_works(transport):
    assert await user_of(transport) == "local-admin"


async def test_a_kubeconfig_with_a_token_file_works(connect, account, namespace):
    expected = f"system:serviceaccount:{namespace}:somebody"
    assert await user_of(await connect(account)) == expected


async def test_the_token_file_of_a_kubeconfig_may_be_relative_to_it(
    connect, account, token_file, namespace, monkeypatch
):
    content = yaml.safe_load(account.read_text())
    content["users"][0]["user"]["tokenFile"] = token_file.name
    account.write_text(yaml.safe_dump(content))
    monkeypatch.chdir("/")
    assert await user_of(await connect(account)) == f"system:serviceaccount:{namespace}:somebody"


@pytest.fixture
def mounted(control_plane, account, token_file, tmp_path, monkeypatch):
    """Environment and files of a pod of the service account."""
    address = urlsplit(control_plane.url)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address.hostname)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    cluster = yaml.safe_load(account.read_text())["clusters"][0]["cluster"]
    directory = tmp_path / "serviceaccount"
    directory.mkdir()
    (directory / "ca.crt").write_bytes(b64decode(cluster["certificate-authority-data"]))
    (directory / "token").write_text(f"{token_file.read_text()}\n")
    return directory


async def test_the_mounted_service_account_of_a_pod_works(connect, mounted, namespace):
    transport = await connect(in_cluster_configuration(mounted))
    assert await user_of(transport) == f"system:serviceaccount:{namespace}:somebody"


async def test_a_server_whose_certificate_is_of_a_foreign_ca_is_unavailable(
    control_plane, connect, tmp_path
):
    configuration = await kubeconfig_configuration(str(control_plane.kubeconfig))
    configuration.ssl_ca_cert = str(Authority(tmp_path).certificate)
    transport = await connect(configuration)
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await user_of(transport)


async def test_a_netrc_entry_does_not_replace_our_credentials(
    connect, account, namespace, tmp_path, monkeypatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody-else password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert await user_of(await connect(account)) == f"system:serviceaccount:{namespace}:somebody"


# Tokens that change.


async def test_the_request_after_a_new_token_was_written_succeeds(
    control_plane, connect, account, token_file, namespace
):
    token_file.write_text("no-token")
    transport = await connect(account)
    for _ in range(2):
        with pytest.raises(Unavailable, match="Unauthorized") as error:
            await user_of(transport)
        assert error.value.code == 401
    control_plane.rotate_token(account)
    assert await user_of(transport) == f"system:serviceaccount:{namespace}:somebody"


async def test_a_token_file_that_is_empty_at_first_is_read_again(
    control_plane, connect, account, token_file, namespace, monkeypatch
):
    monkeypatch.setattr(configuration_module, "_TOKEN_PERIOD", 0.0)
    token_file.write_text("")
    transport = await connect(account)
    with pytest.raises(Refused, match="anonymous"):
        await user_of(transport)
    control_plane.rotate_token(account)
    assert await user_of(transport) == f"system:serviceaccount:{namespace}:somebody"


async def test_a_watch_that_was_refused_for_its_token_reads_the_next_one(
    control_plane, connect, account, token_file, namespace
):
    token_file.write_text("no-token")
    transport = await connect(account)
    with pytest.raises(Unavailable, match="Unauthorized"):
        await first_chunk(transport, collection_path("ConfigMap", namespace))
    control_plane.rotate_token(account)
    with pytest.raises(Refused, match="cannot watch"):
        await first_chunk(transport, collection_path("ConfigMap", namespace))


async def test_a_renewed_token_is_taken_after_a_while_without_any_refusal(
    control_plane, connect, account, monkeypatch, requests
):
    transport = await connect(account)
    await user_of(transport)
    renewed = control_plane.rotate_token(account)
    await user_of(transport)
    assert renewed not in transport._configuration.api_key["BearerToken"]
    monkeypatch.setattr(configuration_module, "_TOKEN_PERIOD", 0.0)
    await user_of(transport)
    assert renewed in transport._configuration.api_key["BearerToken"]
    assert {code for _, _, code in requests} == {"201"}


@pytest.mark.parametrize("content", [None, "", "\n"], ids=["missing", "empty", "blank"])
def test_a_token_file_without_a_token_leaves_the_one_in_use(tmp_path, content):
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    configuration = SimpleNamespace(api_key={"BearerToken": "Bearer in-use"})
    TokenFile(path)(configuration)
    assert configuration.api_key == {"BearerToken": "Bearer in-use"}


# Peers that are no API server, or none any more.


async def first_chunk(transport, path, **query):
    async with aclosing(transport.stream(path, {"watch": "1", **query}, SILENCE)) as chunks:
        assert await anext(chunks) == b""
        return await anext(chunks)


async def get_version(transport):
    return await transport.request("GET", "/version", verb="get")


async def watch_nodes(transport):
    return await first_chunk(transport, "/api/v1/nodes")


@pytest.fixture
def listening():
    """A peer that accepts connections and says nothing, ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refusing():
    """An address on which nobody listens."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"https://127.0.0.1:{unused.getsockname()[1]}"


@pytest.mark.parametrize("ask", [get_version, watch_nodes])
@pytest.mark.parametrize("peer", ["listening", "refusing"])
async def test_a_peer_to_which_there_is_no_connection_is_unavailable_and_nothing_is_lost(
    request, control_plane, connect, peer, ask, monkeypatch, requests
):
    monkeypatch.setattr(module, "_CONNECT", 0.2)
    configuration = await kubeconfig_configuration(str(control_plane.kubeconfig))
    configuration.host = request.getfixturevalue(peer)
    transport = await connect(configuration, timeout=0.2)
    with pytest.raises(Unavailable) as error:
        await ask(transport)
    assert error.value.code == 0
    assert not isinstance(error.value, Lost)
    assert [code for _, _, code in requests] == ["error"]
    assert not transport._session.connector._acquired


async def test_a_stream_that_stays_silent_is_unavailable(transport, namespace, requests):
    path = collection_path("ConfigMap", namespace)
    stream = transport.stream(path, {"watch": "1", "fieldSelector": "metadata.name=none"}, 3.0)
    assert await anext(stream) == b""  # the API server has as long to begin its answer
    with pytest.raises(Unavailable, match="Timeout"):
        await anext(stream)
    assert requests == {("watch", "configmaps", "200"): 1}
    assert not transport._session.connector._acquired


async def test_success_without_json_is_garbled(transport):
    with pytest.raises(Garbled, match="ok"):
        await transport.request("GET", "/readyz", verb="get")
    with pytest.raises(Garbled, match="ok"):
        await first_chunk(transport, "/readyz")


async def test_a_stream_that_is_left_early_gives_its_connection_back(transport, namespace):
    path = collection_path("ConfigMap", namespace)
    assert await first_chunk(transport, path)
    assert not transport._session.connector._acquired


def test_a_closed_connection_is_gone_without_the_garbage_collector(control_plane, requests):
    """With the loop of the programs, whose connections keep the context that opened them."""

    def buffers():
        return sum(isinstance(found, MemoryBIO) for found in gc.get_objects())

    async def gone():
        configuration = await kubeconfig_configuration(str(control_plane.kubeconfig))
        transport = Transport(configuration, requests)
        await get_version(transport)
        assert buffers() > before
        await transport.close()
        await soon(lambda: buffers() == before)

    gc.collect()
    gc.disable()
    before = buffers()
    try:
        uvloop.run(gone())
    finally:
        gc.enable()


# Requests as metrics see them.


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/nodes", "nodes"),
        ("/api/v1/namespaces/a", "namespaces"),
        ("/api/v1/namespaces/a/configmaps", "configmaps"),
        ("/api/v1/namespaces/a/configmaps/b", "configmaps"),
        ("/apis/apps/v1/namespaces/a/daemonsets/b/status", "daemonsets/status"),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles/b", "clusterroles"),
        ("/version", "other"),
        ("/readyz", "other"),
    ],
)
def test_a_request_is_counted_by_its_resource(path, resource):
    assert Target.of(path).resource == resource


async def test_each_request_is_counted_once_with_its_code(client, namespace, requests):
    ref = ObjectRef("ConfigMap", namespace, "counted")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "counted"}}
    await client.apply(ref, body, "tests")
    with pytest.raises(NotFound):
        await client.get(ref._replace(name="missing"))
    await client.list_page("ConfigMap", namespace, {})
    assert requests == {
        ("patch", "configmaps", "201"): 1,
        ("get", "configmaps", "404"): 1,
        ("list", "configmaps", "200"): 1,
    }


# What is imported.

LOADED = """
import sys
from actors.api import lean_import as lean
lean.configuration_class(), lean.rest_class(), lean.in_cluster_loader(), lean.kubeconfig_loader()
print(*(name for name in sys.modules if name.startswith("kubernetes_asyncio")))
"""


def test_few_modules_of_kubernetes_asyncio_are_loaded():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "kubernetes_asyncio.client.rest" in loaded
    assert len(loaded) <= 13, loaded
    assert not [name for name in loaded if ".models" in name or ".api" in name]


NOT_LOADED = """
import sys
import supervisors.operator
from actors.api import lean_import as lean
lean.configuration_class(), lean.rest_class(), lean.in_cluster_loader(), lean.kubeconfig_loader()
from aiohttp.connector import _SSL_CONTEXT_VERIFIED
print("urllib3" in sys.modules, len(_SSL_CONTEXT_VERIFIED.get_ca_certs()))
import urllib3.util, ssl
print(callable(urllib3.util.make_headers), len(ssl.create_default_context().get_ca_certs()) > 0)
"""


def test_neither_urllib3_nor_the_machine_s_certificates_are_loaded_and_both_are_there_later():
    done = subprocess.run(
        [sys.executable, "-c", NOT_LOADED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "0", "True", "True"]
