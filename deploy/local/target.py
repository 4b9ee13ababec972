"""A cluster that is reached by kubectl and a kubeconfig: the local one or the user's own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from deploy.local.certificates import write_private
from deploy.local.process import wait_until

if TYPE_CHECKING:
    from deploy.local.service_account import BoundPod

INSTALL = Path("deploy/install.yaml")
# Selects all but the operator's workload: CRDs, namespace, ServiceAccount and rights.
ALL_BUT_OPERATOR = "app.kubernetes.io/component in (crds, rbac)"
# The lifetime of a token. It is renewed long before its end, as the kubelet does.
TOKEN_SECONDS = 3600


class Identity(NamedTuple):
    """A ServiceAccount, and the path of the kubeconfig of a process that runs as it.

    A token is bound to the pod, if there is one, as the kubelet binds those that it mounts.
    """

    namespace: str
    account: str
    kubeconfig: Path
    pod: BoundPod | None = None

    def __str__(self) -> str:
        return f"{self.namespace}:{self.account}"


class TargetError(RuntimeError):
    """kubectl failed; the message is its error output."""


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster, used with the rights of the kubeconfig's current context."""

    kubectl: Path
    kubeconfig: str

    def run(self, *arguments: str | Path) -> str:
        """Run kubectl and return its output; raises TargetError if it fails."""
        done = subprocess.run(
            [self.kubectl, *arguments],
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise TargetError(done.stderr.strip())
        return done.stdout

    def get(self, *arguments: str) -> list[dict[str, Any]]:
        """The objects that `kubectl get` returns, as a list even if it is a single object."""
        answer: dict[str, Any] = json.loads(self.run("get", *arguments, "--output=json"))
        items: list[dict[str, Any]] = answer.get("items", [answer])
        return items

    def install(self) -> None:
        """Apply the CRDs and the operator's rights, and wait until the CRDs are served."""
        what = (f"--filename={INSTALL}", f"--selector={ALL_BUT_OPERATOR}")
        applied = self.run("apply", "--server-side", "--output=name", *what).split()
        crds = [name for name in applied if name.startswith("customresourcedefinition")]
        self.run("wait", "--for=condition=Established", "--timeout=60s", *crds)
        names = ",".join(crd.partition("/")[2] for crd in crds)
        wait_until(partial(self._serves, names), "the CRDs are served", 60)

    def install_with_operator(self) -> None:
        """Apply all of the manifest, and wait until the operator's pod is there to work."""
        self.install()
        self.run("apply", "--server-side", f"--filename={INSTALL}")
        operator = ("deployment/falco-operator", "--namespace=falco-operator")
        self.run("wait", "--for=condition=Available", "--timeout=120s", *operator)

    def write_kubeconfig(self, identity: Identity) -> None:
        """Write the kubeconfig of the identity, with a new token in a file beside it."""
        view = yaml.safe_load(self.run("config", "view", "--raw", "--minify", "--flatten"))
        token = str(_token_file(identity.kubeconfig))
        view["users"] = [{"name": str(identity), "user": {"tokenFile": token}}]
        view["contexts"][0]["context"] = {
            "cluster": view["contexts"][0]["context"]["cluster"],
            "user": str(identity),
        }
        self.renew_token(identity)
        write_private(identity.kubeconfig, yaml.safe_dump(view))

    def renew_token(self, identity: Identity) -> None:
        """Write a new token to the token file of the identity."""
        asked = [f"--namespace={identity.namespace}", f"--duration={TOKEN_SECONDS}s"]
        if identity.pod is not None:
            asked += [
                "--bound-object-kind=Pod",
                f"--bound-object-name={identity.pod.name}",
                f"--bound-object-uid={identity.pod.uid}",
            ]
        token = self.run("create", "token", identity.account, *asked)
        write_private(_token_file(identity.kubeconfig), token.strip())

    def _serves(self, names: str) -> bool:
        try:
            self.run("get", names, "--all-namespaces")
        except TargetError:
            return False
        return True


def _token_file(kubeconfig: Path) -> Path:
    return kubeconfig.absolute().with_name(f"{kubeconfig.name}.token")
