"""The writer of Falco's files: it makes the directories equal to what is desired.

It stages all content, where what can fail fails; records the old and the new names, so that a
restart knows whatever may be there; renames and removes as in Batch; and records the new names.
"""

from __future__ import annotations

import errno
import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from resources.node.files import Directory, File, Place, has_our_name
from sidecar.volume import manifest as manifests
from sidecar.volume.batch import Batch
from sidecar.volume.blobs import SUBDIRECTORY, Blobs
from sidecar.volume.changes import Changes, changes
from sidecar.volume.disk import VolumeError, reported
from sidecar.volume.manifest import UnreadableManifest, VolumeManifest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from sidecar.volume.disk import Disk
    from sidecar.volume.file_digests import FileState

_log = logging.getLogger(__name__)
_MANIFEST_MODE = 0o600


class ContentMissing(VolumeError):  # noqa: N818 - it says what the caller is to do about
    """The content of these files is nowhere: nothing was changed, and it has to be put anew."""

    def __init__(self, root: Path, files: tuple[File, ...]) -> None:
        more = f", nor that of {len(files) - 1} more" if len(files) > 1 else ""
        why = f"its content is not there any more{more}"
        super().__init__("install", root / files[0].path, why, errno.ENOENT)
        self.files = files


class Applied(NamedTuple):
    """What was done, in order, and which files were not, for there are others of their name."""

    installed: tuple[File, ...] = ()
    removed: tuple[Place, ...] = ()
    conflicts: tuple[File, ...] = ()


class _Seen(NamedTuple):
    present: Mapping[Place, FileState]
    foreign: frozenset[Place]


class Volume:
    """Killed at any moment, the next process goes on from whatever is there.

    Blocking, and safe to use from several threads; to be loaded before all else. Where the disk
    fails it raises VolumeError: what was there before stays, or comes back as far as that is
    possible, and otherwise every file is old or new.
    """

    def __init__(self, root: Path, disk: Disk) -> None:
        """`root` is what Falco sees as /."""
        self.blobs = Blobs(root, disk)
        self._root = root
        self._disk = disk
        self._manifest = VolumeManifest()

    def load(self) -> VolumeManifest:
        """What was left by the process before; `files` are those that are there and whole."""
        with self.blobs.lock:
            self.blobs.clear()
            self._manifest = self._read()
            files, pending = self._manifest.files, self._manifest.pending
            whole = {
                place: found.sha256
                for place, found in self._look().present.items()
                if found.sha256 in {files.get(place), pending.get(place)}
            }
            return self._manifest._replace(files=whole, pending={})

    def apply(
        self, desired: Collection[File], slots: Mapping[str, Any], *, gate_opened: bool
    ) -> Applied:
        """Make our files those that are desired, and remember the rest along with them.

        A gate once opened stays open.
        """
        with self.blobs.lock:
            seen = self._look()
            due = self._manifest.entries_due
            todo = changes(desired, seen.present, seen.foreign, entries_due=due)
            after = VolumeManifest(
                files={file.place: file.sha256 for file in desired if file not in todo.conflicts},
                slots=slots,
                gate_opened=gate_opened or self._manifest.gate_opened,
            )
            if todo.installed or todo.gone:
                self._change(seen, todo, after)
            self._record(after)
        return Applied(todo.installed, todo.gone, todo.conflicts)

    def foreign(self, directory: Directory) -> list[Path]:
        """What is in a directory and not ours, whatever it is, by name."""
        with self.blobs.lock:
            places = sorted(self._look().foreign, key=lambda place: place.name)
        return [self._root / place.path for place in places if place.directory is directory]

    def open_gate(self) -> None:
        """Remember that Falco was let start."""
        with self.blobs.lock:
            self._record(self._manifest._replace(gate_opened=True))

    def _change(self, seen: _Seen, todo: Changes, after: VolumeManifest) -> None:
        self._require(todo)
        meanwhile = after._replace(
            files={place: found.sha256 for place, found in seen.present.items()},
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
                leftovers.close()  # makes room for what was there
                self._undo(seen)
                raise
            leftovers.pop_all()
        self._manifest = after
        self._disk.sync(self._manifest_path.parent)

    def _staged(self, todo: Changes, leftovers: ExitStack) -> Batch:
        batch = Batch(self._root, self._disk, self.blobs, todo)
        leftovers.callback(batch.discard)
        batch.stage()
        return batch

    def _undo(self, before: _Seen) -> None:
        """Bring back what was there, as far as the disk lets us; if not, the next `apply` goes on.

        What is recorded stays, for it names both.
        """
        with suppress(VolumeError), ExitStack() as leftovers:
            now = self._look()
            files = [File(*place, found.sha256) for place, found in before.present.items()]
            todo = changes(files, now.present, now.foreign)
            self._require(todo)
            self._staged(todo, leftovers).commit()

    def _require(self, todo: Changes) -> None:
        has = self.blobs.has
        gone = tuple(file for file in todo.installed if not has(file.directory, file.sha256))
        if gone:
            raise ContentMissing(self._root, gone)

    def _look(self) -> _Seen:
        present, foreign = {}, set()
        for directory in Directory:
            for name in self._names(directory):
                place = Place(directory, name)
                found = self._ours(place)
                if found is None:
                    foreign.add(place)
                else:
                    present[place] = found
        return _Seen(present, frozenset(foreign))

    def _ours(self, place: Place) -> FileState | None:
        files, pending = self._manifest.files, self._manifest.pending
        if place not in files and place not in pending:
            return None
        found = self.blobs.digests.find(self._root / place.path)
        is_ours = place in files or (found is not None and found.sha256 == pending[place])
        return found if is_ours else None

    def _names(self, directory: Directory) -> list[str]:
        path = self._root / directory.value
        with reported("read", path):
            if path.is_symlink():
                raise VolumeError("use", path, "it is no directory", errno.ENOTDIR)
            if not path.exists():
                return []
            return [one.name for one in path.iterdir() if one.name != SUBDIRECTORY]

    @property
    def _manifest_path(self) -> Path:
        return self._root / Directory.CONFIG.value / SUBDIRECTORY / manifests.FILE

    def _read(self) -> VolumeManifest:
        """The manifest; if there is one that cannot be read, what can be known without."""
        if self._manifest_path.parent.is_symlink():
            return VolumeManifest()
        try:
            return manifests.decode(self._manifest_path.read_bytes())
        except FileNotFoundError:
            return VolumeManifest()
        except (UnreadableManifest, OSError) as error:
            adopted = self._adopted()
            _log.warning(
                "%s: %s; %d files are ours by name", self._manifest_path, error, len(adopted)
            )
            return VolumeManifest(files=adopted, entries_due=True)

    def _adopted(self) -> dict[Place, str]:
        """What can only be ours: by its name or, as names of libraries say little, its content."""
        adopted = {}
        for directory in Directory:
            for name in self._names(directory):
                place = Place(directory, name)
                found = self.blobs.digests.find(self._root / place.path)
                if found and (has_our_name(place) or self.blobs.has(directory, found.sha256)):
                    adopted[place] = found.sha256
        return adopted

    def _record(self, manifest: VolumeManifest) -> None:
        """Have this on disk, if it is not there already; nothing needs no record."""
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
