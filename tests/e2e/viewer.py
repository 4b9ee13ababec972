"""Somebody with a kubeconfig of their own who runs `kubectl falco`."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.api import manifest

PROGRAM = Path(sys.executable).with_name("kubectl-falco")
WELL, FOUND, COULD_NOT_TELL = 0, 1, 2
SEEN = {
    "instance.falcosecurity.dev": ["falcos", "components"],
    "artifact.falcosecurity.dev": ["rulesfiles", "plugins", "configs", "nodereports"],
    "apps": ["daemonsets", "deployments"],
    "": ["pods"],
}
EVENTS = {"events.k8s.io": ["events"]}
OF_CLUSTER = {"": ["nodes"], "apps": ["deployments"], "coordination.k8s.io": ["leases"]}


def rules_of(seen):
    return [
        {"apiGroups": [group], "resources": kinds, "verbs": ["get", "list"]}
        for group, kinds in seen.items()
    ]


class Viewer:
    """Somebody who may look at some namespaces and kinds, and write nothing."""

    def __init__(self, cluster, api, namespace, directory):
        self._api = api
        self._name = f"viewer-{namespace}"
        self._namespace = namespace
        api.create(manifest("ServiceAccount", namespace, "viewer"))
        path = directory / "viewer.kubeconfig"
        self._kubeconfig = cluster.service_account_kubeconfig(namespace, "viewer", path)
        self._home = directory

    def may_see(self, namespace, seen):
        role = manifest("Role", namespace, "viewer", rules=rules_of(seen | EVENTS))
        self._api.create(role)
        self._bind("RoleBinding", "Role", namespace, "viewer")

    def may_see_of_cluster(self, seen):
        self._api.create(manifest("ClusterRole", "", self._name, rules=rules_of(seen)))
        self._bind("ClusterRoleBinding", "ClusterRole", "", self._name)

    def _bind(self, kind, role, namespace, name):
        api_group = "rbac.authorization.k8s.io"
        subject = {"kind": "ServiceAccount", "name": "viewer", "namespace": self._namespace}
        to = {"apiGroup": api_group, "kind": role, "name": name}
        self._api.create(manifest(kind, namespace, name, roleRef=to, subjects=[subject]))

    @property
    def _environment(self):
        home = {"PATH": os.environ["PATH"], "HOME": str(self._home)}
        return home | {"KUBECONFIG": str(self._kubeconfig)}

    def run(self, *arguments, command="status"):
        return subprocess.run(
            [PROGRAM, command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )

    @contextmanager
    def watching(self):
        """The lines of the command with --watch, which Ctrl-C ends."""
        command = [str(PROGRAM), "status", "--watch"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self._environment
        ) as process:
            try:
                yield process.stdout
                process.send_signal(signal.SIGINT)
                assert process.wait(30) == WELL
            finally:
                process.kill()

    def status(self, *arguments):
        """The exit code, and the items by their kind."""
        ended = self.run(*arguments, "-o", "json")
        assert "Traceback" not in ended.stderr
        items = json.loads(ended.stdout)["items"] if ended.stdout else []
        by_kind: dict[str, list] = {}
        for item in items:
            by_kind.setdefault(item["kind"], []).append(item)
        return ended.returncode, by_kind

    def clear(self):
        for kind in ("ClusterRoleBinding", "ClusterRole"):
            self._api.delete(kind, "", self._name)
