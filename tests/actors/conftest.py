"""Real API servers, and clients of them, for the Kubernetes side of the actors."""

from contextlib import suppress
from uuid import uuid4

import pytest

from actors.api.client import Client
from actors.api.configuration import kubeconfig_configuration
from actors.api.transport import Transport
from deploy.local import ControlPlane
from resources.kubernetes.kinds import KINDS
from tests.actors.referenced import House
from tests.actors.watch.watching import Requests


@pytest.fixture
def namespace(control_plane):
    """A namespace of the test's own on the shared control plane."""
    name = f"actors-{uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def account(control_plane, namespace, tmp_path):
    """The kubeconfig of a service account without any right; its token is in a file beside it."""
    control_plane.kubectl("create", "serviceaccount", "somebody", "-n", namespace)
    path = tmp_path / "account.kubeconfig"
    return control_plane.service_account_kubeconfig(namespace, "somebody", path)


@pytest.fixture(scope="session")
def _mortal(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mortal")
    flags = ("--etcd-compaction-interval=1s", "--feature-gates=ListFromCacheSnapshot=false")
    with ControlPlane(directory, nodes=0, controllers=False, api_server_flags=flags) as started:
        yield started


@pytest.fixture
def mortal(_mortal):
    """An API server without controllers, that may be stopped; etcd is compacted all the time."""
    if not _mortal.api_server.running:
        _mortal.start_api_server()
    return _mortal


@pytest.fixture
def requests():
    """What all transports of the test have requested."""
    return Requests()


@pytest.fixture
async def connect(requests):
    """Make a transport of a kubeconfig, or of a configuration; it is closed after the test."""
    transports = []

    async def make(source, **options):
        path = getattr(source, "kubeconfig", source)
        is_file = hasattr(path, "read_text")
        configuration = await kubeconfig_configuration(str(path)) if is_file else source
        transports.append(Transport(configuration, requests, **options))
        return transports[-1]

    yield make
    for transport in transports:
        with suppress(RuntimeError):
            await transport.close()


@pytest.fixture
async def transport(control_plane, connect):
    """The administrator's transport to the shared control plane."""
    return await connect(control_plane)


@pytest.fixture
def client(transport):
    """The administrator's client of the shared control plane."""
    return Client(transport)


@pytest.fixture(params=["Secret", "ConfigMap"])
def house(control_plane, client, namespace, request):
    """A Secret or ConfigMap to be made, of a kind that is not listed yet."""
    made = House(control_plane, client, namespace, request.param)
    yield made
    if made.live() is not None:
        made.set_finalizers()


@pytest.fixture
def plural(house):
    """Its resource, as requests are counted by."""
    return KINDS[house.ref.kind].plural
