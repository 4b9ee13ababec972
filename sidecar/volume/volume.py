"""The writer of Falco's files: it makes the directories equal to the desired files.

It stages all content, so that a full disk fails before Falco sees a change; records old and new
names, so that a restart knows every file that may exist; commits the batch; and records the new
names.
"""

from __future__ import annotations

import errno
import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.node.files import Directory, File, Place, has_our_name
from sidecar.volume import manifest as manifests
from sidecar.volume.blobs import Blobs
from sidecar.volume.changes import Batch, Changes, changes
from sidecar.volume.disk import SUBDIRECTORY, VolumeError, read_bounded, reported
from sidecar.volume.manifest import UnreadableManifest, VolumeManifest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from resources.rules.versions import FalcoVersions
    from sidecar.volume.disk import Disk
    from sidecar.volume.file_digests import FileState

_log = logging.getLogger(__name__)
_MANIFEST_MODE = 0o600
# A manifest has about 1 KB for each source of an artifact, and the configuration of each plugin.
_MOST_MANIFEST = 16 << 20


class ContentMissing(VolumeError):  # noqa: N818 - it says what the caller is to do about
    """The content of these files is not stored; nothing was changed, and it must be put again."""

    def __init__(self, root: Path, files: tuple[File, ...]) -> None:
        others = f", nor that of {len(files) - 1} more" if len(files) > 1 else ""
        why = f"its content is not there any more{others}"
        super().__init__("install", root / files[0].path, why, errno.ENOENT)
        self.files = files


class Applied(NamedTuple):
    """The changes that were made, in order, and the files that conflict with a file of others."""

    installed: tuple[File, ...] = ()
    removed: tuple[Place, ...] = ()
    conflicts: tuple[File, ...] = ()
    postponed: tuple[Place, ...] = ()
    """Libraries that nobody wants any more; the next `apply` removes them."""

    @property
    def is_seen(self) -> bool:
        """Whether Falco loads anew: it does not watch libraries."""
        touched = (*(file.place for file in self.installed), *self.removed)
        return any(place.directory is not Directory.PLUGINS for place in touched)


class _Listing(NamedTuple):
    """The files in all directories: the sidecar's with their states, and those of others."""

    present: Mapping[Place, FileState]
    foreign: frozenset[Place]


class Volume:
    """Falco's directories; if the process is killed at any step, the next one completes it.

    Methods block, and are safe to use from several threads; `load` comes first. If the disk fails
    they raise VolumeError: the files before stay or are restored, and where the disk refuses even
    that, every file is old or new.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        """`root` is what Falco sees as /."""
        self.blobs = Blobs(root, disk)
        self._root = root
        self._disk = disk
        self._manifest = VolumeManifest()
        self._postponed: tuple[Place, ...] = ()
        self.is_mixed = False
        """Whether files may be old or new: the process before was killed between them."""

    def load(self) -> VolumeManifest:
        """The manifest of the process before; its `files` are those that exist undamaged."""
        with self.blobs.lock:
            self.blobs.clear()
            self._manifest = self._read()
            files, pending = self._manifest.files, self._manifest.pending
            whole = {
                place: state.sha256
                for place, state in self._listed().present.items()
                if state.sha256 in {files.get(place), pending.get(place)}
            }
            self.is_mixed = bool(pending) or whole.keys() != files.keys()
            return self._manifest._replace(files=whole, pending={})

    def apply(
        self, desired: Collection[File], slots: Mapping[str, Any], *, gate_opened: bool
    ) -> Applied:
        """Make the sidecar's files the desired ones, and record `slots` and the gate with them.

        An opened gate stays open.
        """
        with self.blobs.lock:
            before = self._listed()
            due = self._manifest.entries_due
            todo = changes(
                desired,
                before.present,
                before.foreign,
                entries_due=due,
                unused=self._postponed,
            )
            ours = {file.place: file.sha256 for file in desired if file not in todo.conflicts}
            stay = {place: before.present[place].sha256 for place in todo.postponed}
            after = self._manifest._replace(
                files={**ours, **stay},
                pending={},
                entries_due=False,
                slots=slots,
                gate_opened=gate_opened or self._manifest.gate_opened,
            )
            if todo.installed or todo.gone:
                self._change(before, todo, after)
            self._record(after)
            self._postponed, self.is_mixed = todo.postponed, False
        return Applied(todo.installed, todo.gone, todo.conflicts, todo.postponed)

    def foreign(self, directory: Directory) -> list[Path]:
        """Whatever is in a directory and not the sidecar's, sorted by name."""
        with self.blobs.lock:
            places = sorted(self._listed().foreign, key=lambda place: place.name)
        return [self._root / place.path for place in places if place.directory is directory]

    def rules_sizes(self) -> list[int]:
        """The sizes of all rules files, also of others, in the order in which Falco loads them."""
        folder = self._root / Directory.RULES.value
        try:
            return [
                (folder / name).lstat().st_size for name in sorted(self._names(Directory.RULES))
            ]
        except OSError:  # whoever installs says what is wrong
            return []

    def changed_at(self) -> int:
        """When a directory that Falco watches was changed last, in nanoseconds since the epoch."""
        times = [0]
        for directory in (Directory.CONFIG, Directory.RULES):
            path = self._root / directory.value
            with suppress(OSError):  # it is told when something is written
                times.append(path.stat().st_mtime_ns)
        return max(times)

    def renew(self) -> None:
        """Rename a file that Falco watches into its place anew, so that it looks once more.

        It does nothing if there is none whose content is stored.
        """
        with self.blobs.lock:
            watched = (
                File(*place, sha256)
                for place, sha256 in sorted(self._manifest.files.items(), key=str)
                if place.directory is not Directory.PLUGINS
            )
            file = next((one for one in watched if self.blobs.has(one.directory, one.sha256)), None)
            if file is not None:
                todo = Changes(content=(file,))
                with ExitStack() as leftovers:
                    self._staged(todo, leftovers).commit()
                    leftovers.pop_all()

    def open_gate(self) -> None:
        """Record that Falco was let start."""
        with self.blobs.lock:
            self._record(self._manifest._replace(gate_opened=True))

    def remember_loads(self, loaded: Mapping[str, Any] | None, refused: Mapping[str, Any]) -> None:
        """Record what Falco has loaded last, and what it has refused."""
        with self.blobs.lock:
            self._record(self._manifest._replace(loaded=loaded, refused=refused))

    def remember(self, image: str, versions: FalcoVersions) -> None:
        """Record what the Falco of an image has said of itself, and nothing of other images."""
        with self.blobs.lock:
            self._record(self._manifest._replace(versions={image: versions}))

    def _change(self, before: _Listing, todo: Changes, after: VolumeManifest) -> None:
        self._require(todo)
        meanwhile = after._replace(
            files={place: state.sha256 for place, state in before.present.items()},
            pending={file.place: file.sha256 for file in todo.installed},
            entries_due=self._manifest.entries_due or bool(todo.libraries),
            slots=self._manifest.slots,
        )
        with ExitStack() as leftovers:
            batch = self._staged(todo, leftovers)
            record = self._written(after)
            leftovers.callback(self.blobs.discard, record)
            self._record(meanwhile)
            try:
                batch.commit()
                self._disk.rename(record, self._manifest_path)
            except VolumeError:
                leftovers.close()  # makes room for the files before
                self._undo(before)
                raise
            leftovers.pop_all()
        self._manifest = after
        self._disk.sync(self._manifest_path.parent)

    def _staged(self, todo: Changes, leftovers: ExitStack) -> Batch:
        batch = Batch(self._root, self._disk, self.blobs, todo)
        leftovers.callback(batch.discard)
        batch.stage()
        return batch

    def _undo(self, before: _Listing) -> None:
        """Restore the files before; if the disk refuses, the next `apply` completes the change.

        The manifest on disk stays, for it names old and new files.
        """
        with suppress(VolumeError), ExitStack() as leftovers:
            now = self._listed()
            files = [File(*place, state.sha256) for place, state in before.present.items()]
            todo = changes(files, now.present, now.foreign)
            self._require(todo)
            self._staged(todo, leftovers).commit()

    def _require(self, todo: Changes) -> None:
        has = self.blobs.has
        missing = tuple(file for file in todo.installed if not has(file.directory, file.sha256))
        if missing:
            raise ContentMissing(self._root, missing)

    def _listed(self) -> _Listing:
        present, foreign = {}, set()
        for directory in Directory:
            for name in self._names(directory):
                place = Place(directory, name)
                state = self._own_state(place)
                if state is None:
                    foreign.add(place)
                else:
                    present[place] = state
        return _Listing(present, frozenset(foreign))

    def _own_state(self, place: Place) -> FileState | None:
        """The state of a file of the sidecar; None for whatever else is at this place."""
        files, pending = self._manifest.files, self._manifest.pending
        if place not in files and place not in pending:
            return None
        state = self.blobs.digests.find(self._root / place.path)
        is_ours = place in files or (state is not None and state.sha256 == pending[place])
        return state if is_ours else None

    def _names(self, directory: Directory) -> list[str]:
        path = self._root / directory.value
        with reported("read", path):
            if path.is_symlink():
                raise VolumeError("use", path, "it is no directory", errno.ENOTDIR)
            if not path.exists():
                return []
            return [entry.name for entry in path.iterdir() if entry.name != SUBDIRECTORY]

    @property
    def _manifest_path(self) -> Path:
        return self._root / Directory.CONFIG.value / SUBDIRECTORY / manifests.FILE

    def _read(self) -> VolumeManifest:
        """The manifest on disk; in place of an unreadable one, the files that can be identified."""
        if self._manifest_path.parent.is_symlink():
            return VolumeManifest()
        try:
            return manifests.decode(read_bounded(self._manifest_path, _MOST_MANIFEST))
        except FileNotFoundError:
            return VolumeManifest()
        except (UnreadableManifest, OSError) as error:
            adopted = self._adopted()
            _log.warning(
                "%s: %s; %d files are ours by name", self._manifest_path, error, len(adopted)
            )
            return VolumeManifest(files=adopted, entries_due=True)

    def _adopted(self) -> dict[Place, str]:
        """The files that can only be the sidecar's: by name, or libraries by their content."""
        adopted = {}
        for directory in Directory:
            for name in self._names(directory):
                place = Place(directory, name)
                state = self.blobs.digests.find(self._root / place.path)
                if state and (has_our_name(place) or self.blobs.has(directory, state.sha256)):
                    adopted[place] = state.sha256
        return adopted

    def _record(self, manifest: VolumeManifest) -> None:
        """Write the manifest unless it is on disk already; an empty one need not be written."""
        is_known = manifests.encode(manifest) == manifests.encode(self._manifest)
        if is_known and (manifest == VolumeManifest() or self._manifest_path.exists()):
            return
        written = self._written(manifest)
        try:
            self._disk.rename(written, self._manifest_path)
        except VolumeError:
            self.blobs.discard(written)
            raise
        self._manifest = manifest
        self._disk.sync(self._manifest_path.parent)

    def _written(self, manifest: VolumeManifest) -> Path:
        with self.blobs.temporary(Directory.CONFIG) as path:
            self._disk.write(path, manifests.encode(manifest), _MANIFEST_MODE)
        return path
