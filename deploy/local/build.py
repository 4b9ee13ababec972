"""The binaries of the local control plane, built once per user from pinned sources.

They are cached in `$XDG_CACHE_HOME/falco-operator/bin/<row>-<version>-<key>/` (default `~/.cache`),
where the key is a hash of all inputs of the build. A binary in the directory `KUBEBUILDER_ASSETS`
is used instead. A build is atomic, and two processes may build at the same time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local import toolchain
from deploy.local.pins import NODE_ROWS, ROWS, TEST_ROWS, Binary, Extract, Row
from deploy.local.process import Process
from deploy.local.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.local.toolchain import Go

MODULES = Path(__file__).parent / "modules"
_ALL = (*ROWS, *NODE_ROWS, *TEST_ROWS)
TICK_SECONDS = 1.0


class BuildError(RuntimeError):
    """A binary could not be built; the message ends with the output of Go."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that has to be made, and its path in the cache."""

    row: Row
    product: Binary | Extract
    target: Path


def files(*names: str) -> Mapping[str, Path]:
    """The path of each named binary or file, by name; a missing one is built first.

    Raises:
        ToolchainError: Go is missing or too old.
        BuildError: a build failed.
    """
    products = {product.name: (row, product) for row in _ALL for product in _products(row)}
    found: dict[str, Path] = {}
    missing: list[Missing] = []
    go: Go | None = None
    for name in names:
        row, product = products[name]
        if (asset := _asset(name)) is not None:
            found[name] = asset
            continue
        go = go or toolchain.find()
        found[name] = folder(row, go) / name
        if not found[name].exists():
            missing.append(Missing(row, product, found[name]))
    if go is not None and missing:
        _make(missing, go)
    return found


def every_name() -> list[str]:
    """The names of all files that a control plane without real nodes needs."""
    return [product.name for row in ROWS for product in _products(row)]


def folder(row: Row, go: Go) -> Path:
    """The cache folder of a row; it differs for every source, flag, toolchain and platform."""
    inputs = [
        *((MODULES / row.name / file).read_text() for file in ("go.mod", "go.sum")),
        repr(sorted(row.environment.items())),
        repr(row.build_flags),
        row.linker_flags,
        repr([(binary.name, binary.package) for binary in row.binaries]),
        repr([(extract.name, extract.sources) for extract in row.extracts]),
        go.version,
        go.platform,
    ]
    key = hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]
    return cache() / "bin" / f"{row.name}-{row.version}-{key}"


def cache() -> Path:
    """The folder of everything that is made once per user."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG Base Directory Specification demands that a relative path is ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "falco-operator"


def _products(row: Row) -> Sequence[Binary | Extract]:
    return (*row.binaries, *row.extracts)


def _asset(name: str) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets or not (path := Path(assets) / name).is_file():
        return None
    return path.absolute()


def _make(missing: Sequence[Missing], go: Go) -> None:
    expected = sum(item.product.cold_seconds for item in missing)
    progress = Progress(len(missing), expected, sys.stderr)
    for item in missing:
        what = f"{item.product.name} ({item.row.module} {item.row.version})"
        progress.begin(what, item.product.cold_seconds)
        with _locked(item.target.parent):
            if not item.target.exists():  # another process may have built it meanwhile
                _make_one(item, go, progress)
        progress.end()


def _make_one(item: Missing, go: Go, progress: Progress) -> None:
    unfinished = item.target.with_name(f".{item.target.name}.unfinished")
    module = MODULES / item.row.name
    match item.product:
        case Binary(package=package):
            row = item.row
            flags = [*row.build_flags, f"-ldflags={row.linker_flags}", f"-o={unfinished}"]
            _run(item, [go.command, "-C", module, "build", *flags, package], progress)
        case Extract(sources=sources):
            root = _module_folder(item.row, go)
            unfinished.write_text("---\n".join((root / path).read_text() for path in sources))
    unfinished.replace(item.target)


def _run(item: Missing, command: Sequence[str | Path], progress: Progress) -> None:
    target = item.target
    environment = toolchain.environment() | item.row.environment
    log = target.with_name(f"{target.name}.log")
    log.unlink(missing_ok=True)
    build = Process(f"the build of {target.name}", command, log=log, environment=environment)
    build.launch()
    try:
        while not build.wait(TICK_SECONDS):
            progress.tick()
        if build.exit_code != 0:
            raise BuildError(str(build.failure(f"failed with exit code {build.exit_code}")))
    finally:
        build.stop()


def _module_folder(row: Row, go: Go) -> Path:
    """The path of the row's module in Go's module cache; it is downloaded if it is missing."""
    run = subprocess.run(
        [go.command, "-C", MODULES / row.name, "mod", "download", "-json", row.module],
        env=toolchain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise BuildError(f"{row.module} could not be downloaded: {run.stdout}{run.stderr}")
    return Path(json.loads(run.stdout)["Dir"])


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of the folder, so that no other process builds in it meanwhile."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that builds in {target}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
