"""Dry runs of the pod's own Falco on candidates, within the child process of the check.

A candidate is a directory of links to the content of the chosen versions, under the names that they
would have; paths of Falco's directories in configuration are written anew, to lead there.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from actors.runtime.child_process import die_with
from resources.check.dry_run_answer import (
    DoesNotRun,
    DryRun,
    Lacks,
    NoAnswer,
    Refusal,
    Taken,
    answer,
    opens_no_file,
)
from resources.configuration.plugins import DIRECTORY, BadEntry, absolute
from resources.node.files import PLUGIN_ENTRIES, Directory
from resources.node.plugin_entries import PluginEntry, plugin_entries
from sidecar.check.confinement import confinement
from sidecar.check.image_libraries import is_nowhere
from sidecar.volume.disk import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from resources.check.check_request import CheckedSlot, CheckedVersion, Context, FalcoProgram

_MEGABYTE = 1 << 20
_MOST_OUTPUT = _MEGABYTE
_MOST_CONFIGURATION = 4 * _MEGABYTE
_SECONDS = 15.0
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr")
_LOGGING = ("-o", "log_level=info", "-o", "log_stderr=true")
_NO_FILE = ("-o", f"metrics.output_file={os.devnull}")
_FALCO = "usr/bin/falco"
_LIBRARIES = ("usr/lib", "usr/lib64", "lib", "lib64", "usr/lib/*-linux-gnu", "lib/*-linux-gnu")
_LOADERS = ("ld-linux*.so.*", "ld-musl-*.so.*")
_VARIABLE = re.compile(rb"\$\{([^}\s]*)\}")
_KINDS = {"config": Directory.CONFIG, "rules": Directory.RULES, "plugin": Directory.PLUGINS}


class DryRuns:
    """Asks Falco whether it takes a candidate."""

    def __init__(self, falco: FalcoProgram, context: Context, work: Path) -> None:
        """`work` is an empty directory. `count` tells how many there were."""
        self._falco = falco
        self._context = context
        self._work = work
        self._until = time.monotonic() + falco.seconds
        self._command = _command(Path(falco.image))
        self.count = 0
        self._runs_here = False

    def ask(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> Refusal | Taken:
        """Why Falco refuses these versions, or that it takes them.

        Raises:
            NoAnswer: this Falco does not run here, or says nothing of this candidate.
        """
        missing = self._unknown_variables(chosen)
        if missing:
            raise NoAnswer(f"the configuration uses variables of Falco's container: {missing}")
        try:
            found = self._answer(chosen)
        except NoAnswer:
            self._require_that_it_runs()
            raise
        if isinstance(found, Refusal):
            self._require_that_it_runs()
        self._runs_here = True
        return self._heard(chosen) if isinstance(found, Taken) and found.is_silent else found

    def _answer(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> Refusal | Taken:
        run = self._run(chosen)
        if opens_no_file(run):
            run = self._run(chosen, *_NO_FILE)
        try:
            return answer(run)
        except Lacks as error:
            if self._falco.is_whole and is_nowhere(error.path, Path(self._falco.image)):
                return error.refusal
            raise

    def _heard(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> Taken:
        """What Falco warns of, although the configuration does not log it."""
        with suppress(NoAnswer):
            found = answer(self._run(chosen, *_LOGGING))
            if isinstance(found, Taken):
                return found
        return Taken()

    def _require_that_it_runs(self) -> None:
        """Falco has to take its own falco.yaml, or else it cannot judge anything here."""
        if self._runs_here:
            return
        try:
            found = answer(self._run(()))
        except NoAnswer as error:
            raise DoesNotRun(f"Falco does not run here: {error}") from error
        if isinstance(found, Refusal):
            raise DoesNotRun(f"Falco does not run here: {found.text}")
        self._runs_here = True

    def _readable(self) -> Iterator[Path]:
        """What Falco reads of this container: the system, its image, volumes and candidates."""
        yield from map(Path, (*_SYSTEM, sys.prefix, sys.base_prefix, self._falco.image))
        yield self._work
        yield from (Path(self._falco.root) / directory.value for directory in Directory)

    def _run(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]], *options: str) -> DryRun:
        left = self._until - time.monotonic()
        if left <= 0:
            raise NoAnswer(f"dry runs of Falco took {self._falco.seconds:g} s")
        try:
            with self._candidate(chosen) as directory:
                run = self._started(directory, min(left, _SECONDS), options)
        except OSError as error:
            raise NoAnswer(f"no dry run of Falco is possible: {error}") from error
        output = run.output.replace(f"{self._falco.image}/", "/")
        for place in Directory:
            output = output.replace(str(_within(directory, place)), f"/{place.value}")
        return run._replace(output=output.replace(str(directory), "/etc/falco"))

    @contextmanager
    def _candidate(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> Iterator[Path]:
        """A directory with falco.yaml, and in it directories as those that Falco reads."""
        top = self._work / "falco"
        try:
            for place in Directory:
                _within(top, place).mkdir(parents=True)
            (top / "falco.yaml").write_bytes(self._moved(self._base(), top))
            for name in self._context.foreign_libraries:
                path = Path(self._falco.root) / Directory.PLUGINS.value / name
                (_within(top, Directory.PLUGINS) / name).symlink_to(path)
            for slot, version in chosen:
                self._place(slot, version, top)
            self._place_entries(_entries(chosen), top)
            yield top
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def _place(self, slot: CheckedSlot, version: CheckedVersion, top: Path) -> None:
        if not version.path:
            return  # a plugin whose library is somewhere else
        target = _within(top, _KINDS[slot.kind]) / slot.file
        if slot.kind == "config":
            data = read_bounded(version.path, _MOST_CONFIGURATION)
            moved = self._moved(data, top)
            if moved != data:
                target.write_bytes(moved)
                return
        target.symlink_to(version.path)

    def _place_entries(self, entries: Sequence[PluginEntry], top: Path) -> None:
        if entries:
            text = plugin_entries(map(self._with_path_here, entries)).encode()
            path = _within(top, Directory.CONFIG) / PLUGIN_ENTRIES
            path.write_bytes(self._moved(text, top))

    def _with_path_here(self, entry: PluginEntry) -> PluginEntry:
        """The entry with the absolute path of its library, which may be one of Falco's image."""
        try:
            path = absolute(entry.library_path)
        except BadEntry:
            return entry  # Falco says what is wrong with it
        of_image = Path(self._falco.image) / path.lstrip("/")
        is_of_image = not path.startswith(DIRECTORY) and of_image.is_file()
        return entry._replace(library_path=str(of_image) if is_of_image else path)

    def _base(self) -> bytes:
        return read_bounded(self._falco.base, _MOST_CONFIGURATION)

    def _moved(self, configuration: bytes, top: Path) -> bytes:
        """The configuration with the paths of the candidate's directories."""
        for directory in Directory:
            before, after = f"/{directory.value}", str(_within(top, directory))
            configuration = configuration.replace(before.encode(), after.encode())
        return configuration

    def _unknown_variables(self, chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> str:
        """Names of variables that the configuration uses and that are known to Falco only."""
        try:
            texts = [
                read_bounded(version.path, _MOST_CONFIGURATION)
                for slot, version in chosen
                if slot.kind == "config"
            ]
        except OSError as error:
            raise NoAnswer(f"no dry run of Falco is possible: {error}") from error
        texts.append(plugin_entries(_entries(chosen)).encode())
        names = {
            name.decode(errors="replace") for text in texts for name in _VARIABLE.findall(text)
        }
        return ", ".join(sorted(names - self._falco.variables.keys())[:3])

    def _started(self, directory: Path, seconds: float, options: Sequence[str]) -> DryRun:
        """Run Falco; it ends with this process, and has its limits."""
        parent, confined = os.getpid(), confinement(self._readable())

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_OUTPUT, _MOST_OUTPUT))
            die_with(parent)
            confined.apply()

        self.count += 1
        with closing(confined), tempfile.TemporaryFile(dir=self._work) as output:
            process = subprocess.Popen(  # noqa: S603 - the pod's own Falco
                [*self._command, "--dry-run", "-c", str(directory / "falco.yaml"), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/bin:/bin", "HOST_ROOT": "/", **self._falco.variables},
                cwd=directory,
                preexec_fn=limit,  # noqa: PLW1509 - this process has one thread
            )
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
            output.seek(0)
            return DryRun(code, output.read(_MOST_OUTPUT).decode(errors="replace"))


def _entries(chosen: Sequence[tuple[CheckedSlot, CheckedVersion]]) -> list[PluginEntry]:
    texts = [version.entry for _, version in chosen if version.entry]
    return [msgspec.json.decode(text, type=PluginEntry) for text in texts]


def _within(top: Path, directory: Directory) -> Path:
    """The directory of a candidate that is for one of Falco's."""
    return top / Path(directory.value).name


def _command(image: Path) -> list[str]:
    """The command that runs the Falco of an image with the image's own libraries."""
    falco = image / _FALCO
    libraries = [path for pattern in _LIBRARIES for path in image.glob(pattern) if path.is_dir()]
    loaders = [path for library in libraries for name in _LOADERS for path in library.glob(name)]
    if not loaders:
        return [str(falco)]
    return [str(loaders[0]), "--library-path", ":".join(map(str, libraries)), str(falco)]
