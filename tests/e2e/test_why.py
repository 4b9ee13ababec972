"""`kubectl falco why` as a user calls it, of files that sidecars have written."""

from __future__ import annotations

import json
from base64 import b64encode

from tests.api import manifest
from tests.e2e.viewer import COULD_NOT_TELL, FOUND, SEEN, Viewer
from tests.eventually import eventually

SHELL = {
    "rule": "A shell",
    "desc": "it is run",
    "condition": "evt.type = execve",
    "output": "a shell was run",
    "priority": "WARNING",
}
QUIET = {"rule": "A shell", "enabled": False}
FAR = {"image": {"repository": "acme/rules"}, "registry": {"name": "127.0.0.1:1"}}


def test_a_file_on_a_node_leads_to_its_source_and_to_what_overrides_it(
    cluster, api, fleet, tmp_path
):
    fleet.falco().start()
    space = fleet.namespace
    data = {"rules.yaml": b64encode(json.dumps([SHELL]).encode()).decode()}
    api.create(manifest("ConfigMap", space, "mine", binaryData=data))
    fleet.apply("Rulesfile", "mine", configMapRef={"name": "mine"})
    fleet.apply("Rulesfile", "quiet", inlineRules=[QUIET], priority=60)
    fleet.apply("Rulesfile", "far", ociArtifact=FAR)
    for name in ("mine", "quiet"):
        fleet.programmed("Rulesfile", name)
    sidecar = fleet.sidecars[0]
    names = eventually(lambda: sorted(sidecar.rules()))
    assert names == ["50-02-mine-configmap.yaml", "60-03-quiet-inline.yaml"]

    viewer = Viewer(cluster, api, space, tmp_path)
    seen = SEEN | {"": ["pods", "configmaps"]}
    viewer.may_see(space, seen)
    ended = viewer.run(names[0], "--node", sidecar.node, command="why")
    digest = fleet.status("Rulesfile", "mine")["resolved"]["configMapDigest"]
    revision = fleet.status("Rulesfile", "mine")["resolved"]["revision"]
    assert ended.stdout == (
        f"/etc/falco/rules.d/{names[0]}\n"
        f"    from: Rulesfile/mine in namespace {space}\n"
        "    source: key rules.yaml of ConfigMap mine\n"
        f"    digest: {digest}\n"
        f"    revision: {revision}\n"
        "    pods: INSTALLED 1\n"
        f"    then: /etc/falco/rules.d/{names[1]} sets enabled: false of rule A shell\n"
        "\n"
        "? nodes could not be read: you may not\n"
    )
    assert ended.returncode == 0

    told = json.loads(viewer.run("A shell", "-o", "json", command="why").stdout)["items"]
    steps = [(one["path"], one["does"]) for one in told if one["kind"] == "Step"]
    assert steps == [
        (f"/etc/falco/rules.d/{names[0]}", "defines"),
        (f"/etc/falco/rules.d/{names[1]}", "sets enabled: false of"),
    ]
    (far,) = (one for one in told if one["kind"] == "NotAtHand")
    assert far["artifact"] == f"Rulesfile/{space}/far"

    assert viewer.run("Another rule", command="why").returncode == COULD_NOT_TELL
    assert viewer.run("99-03-gone-inline.yaml", command="why").returncode == FOUND
