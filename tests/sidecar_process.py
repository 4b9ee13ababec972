"""The artifact operator as it runs beside Falco: a process of its own, under its pod's identity."""

import shutil
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.node.files import Directory
from tests.operator_process import OperatorProcess

COMMAND = Path(sys.executable).with_name("artifact-operator")


class SidecarProcess(OperatorProcess):
    """One pod's sidecar, with a directory tree where the pod would have volumes.

    It is `root`, below the directory unless another is given. No Falco runs beside it, unless one
    is played: then `falco` is its port.
    """

    command = COMMAND

    def __init__(
        self, kubeconfig, directory, pod, *, root=None, flags=(), variables=(), falco="off"
    ):
        meta = pod["metadata"]
        self.name = f"the sidecar of {meta['name']}"
        self.pod = meta["name"]
        self.node = pod["spec"]["nodeName"]
        self.root = root or directory / "root"
        identity = {
            "POD_NAME": meta["name"],
            "POD_UID": meta["uid"],
            "POD_NAMESPACE": meta["namespace"],
            "NODE_NAME": self.node,
            **dict(variables),
        }
        for place in Directory:
            (self.root / place.value).mkdir(parents=True, exist_ok=True)
        flags = (
            f"--volume-root={self.root}",
            "--falco-version=0.44.1",
            f"--falco-web-server={falco}",
            *flags,
        )
        super().__init__(kubeconfig, directory, flags=flags, variables=identity)

    @contextmanager
    def held(self):
        """It stands still for the length of the context, and then goes on."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def rules(self):
        """What Falco would load as rules: content by file name."""
        return self._files(Directory.RULES)

    def configs(self):
        """What Falco would load as configuration, the plugin entries among it."""
        return self._files(Directory.CONFIG)

    def libraries(self):
        """Names of the plugin libraries."""
        return sorted(self._files(Directory.PLUGINS))

    def wipe(self):
        """Empty volumes, as a new pod has them."""
        for place in Directory:
            shutil.rmtree(self.root / place.value)
            (self.root / place.value).mkdir()

    def _files(self, place):
        contents = {}
        for path in (self.root / place.value).iterdir():
            if path.is_file():
                with suppress(FileNotFoundError):  # removed since it was listed
                    contents[path.name] = path.read_text(errors="replace")
        return contents
