"""What the operator demands of signatures where no resource says so, by its flags."""

import pytest

from deploy.local.publisher import Repository, publish_rules
from tests.api import manifest
from tests.e2e.falcos import condition
from tests.e2e.fleet import from_registry
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig
from tests.signed import store_bundles
from tests.signing import ISSUER, SUBJECT, Sigstore

SIGSTORE = Sigstore()


@pytest.fixture
def root(tmp_path):
    """The file of the trusted root, which knows nobody who has signed."""
    file = tmp_path / "trusted_root.json"
    file.write_text(Sigstore().trusted_root())
    return file


@pytest.fixture
def operator(cluster, tmp_path, root):
    """An operator that demands signatures of everybody."""
    flags = ("--verify-others=Enforce", f"--trusted-root={root}")
    with OperatorProcess(operator_kubeconfig(cluster, tmp_path), tmp_path, flags=flags) as process:
        process.start()
        yield process


def test_all_artifacts_have_to_be_signed_and_a_new_trusted_root_counts_at_once(
    api, namespace, registry, root
):
    target = Repository(registry.url)
    digest = publish_rules(target, "acme/rules", ["latest"], "- list: a")
    store_bundles(target, "acme/rules", digest, SIGSTORE.bundle(digest))
    verify = {"keyless": [{"issuer": ISSUER, "subject": SUBJECT}]}
    source = from_registry(registry, repository="acme/rules", verify=verify)
    api.create(manifest("Rulesfile", namespace, "rules", spec=source))
    api.create(manifest("Falco", namespace, "falco"))

    def verified(status, reason):
        found = api.get("Rulesfile", namespace, "rules")
        said = condition(found, "Verified")
        assert (said.get("status"), said.get("reason")) == (status, reason), found["status"]
        return found["status"]

    status = eventually(lambda: verified("False", "RootUnknown"))
    assert "ociDigest" not in status.get("resolved", {})
    root.write_text(SIGSTORE.trusted_root())
    status = eventually(lambda: verified("True", "Verified"), within=60)
    assert status["resolved"]["verified"]["digest"] == status["resolved"]["ociDigest"] == digest
    pods = eventually(lambda: api.get("DaemonSet", namespace, "falco"))["spec"]["template"]["spec"]
    assert "--verify-others=Enforce" in pods["initContainers"][-1]["args"]
    api.clear("Rulesfile", namespace)
