"""`make run`: from nothing to a Falco with its files on every node, and to nothing again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import contextmanager
from urllib.request import urlopen

import psutil
import yaml

from deploy.local import samples
from tests.deploy.test_command_line import LOCAL, PATIENCE_SECONDS, ROOT, environment, kubectl
from tests.eventually import eventually

NODES = {"node-1", "node-2", "node-3"}
ARTIFACTS = {
    "Plugin": ("container",),
    "Rulesfile": ("custom-rules", "falco-rules"),
    "Config": ("json-output",),
}


@contextmanager
def running(*arguments, until="Ctrl-C", program=LOCAL, paths=(ROOT,)):
    """What `make run` prints until some line; it ends in good order on Ctrl-C thereafter."""
    run = subprocess.Popen(
        [*program, "run", *arguments],
        cwd=ROOT,
        env={**environment(), "KUBECONFIG": "", "PYTHONPATH": os.pathsep.join(map(str, paths))},
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stdout is not None
        said: list[str] = []
        while not re.search(until, line := run.stdout.readline()):
            assert line, "".join(said)
            said.append(line)
        children = psutil.Process(run.pid).children(recursive=True)
        try:
            yield "".join([*said, line])
        finally:
            run.send_signal(signal.SIGINT)
            # It may have more to say than a pipe holds.
            run.communicate(timeout=PATIENCE_SECONDS)
            left = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]
    assert run.returncode == 0
    assert not left


def serves_what_it_says(said):
    for name, path in (("Metrics", "/metrics"), ("Actors", "actors?pretty")):
        url = re.search(rf"{name}: +(\S+{re.escape(path)})", said)
        assert url, said
        with urlopen(url[1], timeout=60) as response:
            assert b"falco" in response.read().lower()


def files(directory, path):
    """The file's text on each node; every node has one Falco."""
    return {
        found.parts[0]: (directory / found).read_text()
        for found in sorted(full.relative_to(directory) for full in directory.glob(f"*/*/{path}"))
    }


def has_the_quickstart_on_every_node(nodes):
    rules = files(nodes, "etc/falco/rules.d/50-01-falco-rules-oci.yaml")
    assert rules == dict.fromkeys(NODES, samples.RULES_TEXT)
    own = files(nodes, "etc/falco/rules.d/60-03-custom-rules-inline.yaml")
    assert own.keys() == NODES
    assert [item["rule"] for item in yaml.safe_load(own["node-1"])] == ["Shell in a container"]
    config = files(nodes, "etc/falco/config.d/50-03-json-output-inline.yaml")
    assert [yaml.safe_load(text) for text in config.values()] == [{"json_output": True}] * 3
    entries = files(nodes, "etc/falco/config.d/zz-plugins.yaml")
    plugin = {"name": "container", "library_path": "/usr/share/falco/plugins/container.so"}
    assert [yaml.safe_load(text) for text in entries.values()] == [
        {"plugins": [plugin], "load_plugins": ["container"]}
    ] * 3
    libraries = [path.read_bytes() for path in nodes.glob("*/*/usr/share/falco/plugins/*.so")]
    assert len(libraries) == 3
    assert {library[:4] for library in libraries} == {b"\x7fELF"}


def an_edited_rule_reaches_every_node(home):
    patch = '[{"op": "replace", "path": "/spec/inlineRules/0/priority", "value": "CRITICAL"}]'
    done = kubectl(home, "patch", "rulesfile", "custom-rules", "--type=json", f"--patch={patch}")
    assert done.returncode == 0, done.stderr

    def arrived():
        own = files(home / ".local/nodes", "etc/falco/rules.d/60-03-custom-rules-inline.yaml")
        return {yaml.safe_load(text)[0]["priority"] for text in own.values()} == {"CRITICAL"}

    eventually(arrived)


def a_new_pod_gets_the_files_and_the_old_folder_goes(home):
    nodes = home / ".local/nodes"
    before = set(nodes.glob("node-2/*"))
    done = kubectl(home, "delete", "pods", "--field-selector=spec.nodeName=node-2", "--wait")
    assert done.returncode == 0, done.stderr

    def replaced():
        after = set(nodes.glob("node-2/*"))
        there = files(nodes, "etc/falco/rules.d/50-01-falco-rules-oci.yaml")
        return not before & after and there.keys() == NODES

    eventually(replaced)


def test_run_shows_a_falco_and_its_artifacts_until_all_is_there_and_where_to_look(tmp_path):
    directory = tmp_path / ".local"
    with running(f"--directory={directory}") as said:
        assert re.search(r"default/falco +DaemonSet +0\.44\.1 +3/3 +True +True", said)
        for kind, names in ARTIFACTS.items():
            for name in names:
                assert re.search(rf"{kind} +default/{name} +\S+ +True +True +3/3", said), said
        assert f"export KUBECONFIG={directory}/kubeconfig" in said
        serves_what_it_says(said)
        has_the_quickstart_on_every_node(directory / "nodes")
        an_edited_rule_reaches_every_node(tmp_path)
        a_new_pod_gets_the_files_and_the_old_folder_goes(tmp_path)


def test_run_uses_the_cluster_of_a_kubeconfig_and_takes_its_example_away_again(
    control_plane, tmp_path
):
    resources = "falcos,rulesfiles,plugins,configs,clusterroles"
    arguments = (f"--directory={tmp_path}", f"--kubeconfig={control_plane.kubeconfig}")
    # Nobody runs the sidecars there, for its nodes are only played.
    with running(*arguments, until=r"default/falco .* True +True") as said:
        assert str(control_plane.kubeconfig) in said
        assert "Applied examples/quickstart.yaml" in said
        rulesfile = control_plane.kubectl("get", "rulesfile", "falco-rules", "--output=yaml").stdout
        assert "plainHTTP" not in rulesfile
    left = control_plane.kubectl("get", resources, "--all-namespaces", "--output=name").stdout
    assert "falco--default" not in left
    assert ".falcosecurity.dev/" not in left
    assert not (tmp_path / "nodes").exists()
