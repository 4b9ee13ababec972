import json

import pytest

from crds.generate import DIRECTORY
from tests.crds.manifests import APPLY, new_namespace, put_into


@pytest.fixture(scope="session")
def crds(control_plane):
    """The control plane, with our CRDs installed from the committed files."""
    control_plane.apply_crds(sorted(DIRECTORY.glob("*.yaml")))
    return control_plane


@pytest.fixture(scope="session")
def attempt(crds):
    """What kubectl answers to a manifest: it is checked whole, but nothing is kept."""

    def run(document, verb=APPLY):
        text = json.dumps(document)
        return crds.kubectl(*verb, "--dry-run=server", "-f", "-", input=text, check=False)

    return run


@pytest.fixture
def put(crds):
    """Applies a manifest for good, in a namespace of the test's own, and returns what is stored."""
    namespace = new_namespace(crds)
    yield lambda document, *arguments: put_into(crds, namespace, document, *arguments)
    crds.kubectl("delete", "namespace", namespace, "--wait=false")
