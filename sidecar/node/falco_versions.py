"""What Falco has said of its versions, remembered on the volume beyond the end of this process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from resources.node.falco_answer import latest, said
from resources.rules.versions import FalcoVersions, versions_of
from sidecar.node.thread import in_thread
from sidecar.volume.disk import VolumeError

if TYPE_CHECKING:
    from sidecar.node.state import NodeState
    from sidecar.volume.manifest import VolumeManifest
    from sidecar.volume.volume import Volume

_log = logging.getLogger(__name__)


class RememberedVersions:
    """The versions in the manifest of the volume, which count for the image that had them."""

    def __init__(self, state: NodeState, volume: Volume) -> None:
        self._node = state
        self._volume = volume
        self._on_disk = FalcoVersions()

    def recall(self, manifest: VolumeManifest) -> None:
        """Take what a process before has heard from a Falco of the same image."""
        self._on_disk = said(manifest.versions.get(self._node.identity.image_version))
        self._node.versions = latest(self._node.versions, self._on_disk)

    async def keep(self) -> None:
        """Write down what Falco has said, unless it is there or its image tells the same."""
        versions, image = self._node.versions, self._node.identity.image_version
        if versions in (self._on_disk, versions_of(image)):
            return
        try:
            await in_thread(self._volume.remember, image, versions)
        except VolumeError as error:
            _log.warning("the versions of Falco will not outlast a restart: %s", error)
        else:
            self._on_disk = versions
