"""What tests of every package share."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from deploy.local.certificates import Authority
from deploy.local.control_plane import ControlPlane
from deploy.local.target import ALL_BUT_OPERATOR, INSTALL
from resources.kubernetes.kinds import INSTANCES
from tests.api import Api, manifest
from tests.audit import Audit
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig
from tests.sampled import PROVE, SAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from deploy.local.certificates import KeyPair


# `make prove` tries a property with more cases. No test fails because a case takes long.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("test", PATIENT, max_examples=30)
settings.register_profile("prove", PATIENT, max_examples=300)
settings.load_profile("test")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` and `make prove` both run every property, with few and with many cases."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.obj):
            item.add_marker(PROVE)
            item.add_marker(SAMPLE)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Long content is named by its size: an archive holds the second in which it was made.

    Workers that collect in different seconds have to call a case by the same name.
    """
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 16 else None


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A full control plane with three nodes, for tests that keep to namespaces of their own."""
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as started:
        yield started


@pytest.fixture(scope="session")
def cluster(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRDs, and the operator's ServiceAccount and rights."""
    control_plane.apply_crds([INSTALL], ALL_BUT_OPERATOR)
    return control_plane


@pytest.fixture(scope="session")
def api(cluster: ControlPlane) -> Api:
    """What the administrator does."""
    return Api(cluster)


@pytest.fixture(scope="session")
def audit(cluster: ControlPlane) -> Audit:
    """What the operator has asked of the API server."""
    return Audit(cluster)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA that signs the certificates of registries."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def keys(authority: Authority) -> KeyPair:
    """The key pair of a registry with TLS on this machine."""
    return authority.server("registry", ["127.0.0.1", "localhost"])


@pytest.fixture
def operator(cluster: ControlPlane, tmp_path: Path) -> Iterator[OperatorProcess]:
    """A running operator, ready; the only one."""
    with OperatorProcess(operator_kubeconfig(cluster, tmp_path), tmp_path) as process:
        process.start()
        yield process


@pytest.fixture
def namespaces(api: Api, operator: OperatorProcess) -> Iterator[Callable[[], str]]:
    """Makes namespaces of the test's own; in the end what is ours goes first, in good order."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test-{uuid4().hex[:8]}")
        api.create(manifest("Namespace", "", made[-1]))
        return made[-1]

    yield make
    if not operator.running:
        operator.start()
    ours = [(kind, name) for kind in INSTANCES for name in made]
    for kind, name in ours:
        api.clear(kind, name)
    eventually(lambda: not any(api.list(kind, name) for kind, name in ours), within=60)
    for name in made:
        api.delete("Namespace", "", name)


@pytest.fixture
def namespace(namespaces: Callable[[], str]) -> str:
    """One such namespace."""
    return namespaces()
