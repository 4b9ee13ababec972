"""The images that a real node runs, built without a registry and kept as archives.

The base of the Dockerfile is a Debian or Ubuntu of this machine's release, made by debootstrap
under the name that the Dockerfile gives to it. buildah builds the rest, with chroot isolation.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.local.build import cache
from resources.falco.pod import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ROOT = Path(__file__).parents[3]
STAND_IN = Path(__file__).with_name("falco")

OPERATOR = "docker.io/library/falco-operator:0.1.0"
FALCO = f"{MAIN.image}:{MAIN.version}"
PAUSE = "docker.io/library/pause:local"
# An archive of the real Falco, to be used instead of the stand-in.
FALCO_VARIABLE = "FALCO_IMAGE"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PLATFORM = f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"
_PLUGIN = re.compile(r"(?:\./)?usr/share/falco/plugins/lib(\w+)\.so")

# The archives, in an enclosure: from there nothing can be downloaded.
VARIABLE = "FALCO_OPERATOR_IMAGES"

BUSYBOX = Path("/bin/busybox")
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-yaml")
PIP_SETTINGS = ("cert", "extra-index-url", "index-url", "trusted-host")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
STORAGE_BYTES = 3 << 30
KEPT_SECONDS = 24 * 3600
CERTIFICATES = "/etc/pip-certificates.pem"


class ImageError(RuntimeError):
    """An image could not be built; the message ends with the output of the command."""


def built() -> list[Path]:
    """The archives of all images, in an enclosure."""
    return [Path(path) for path in os.environ[VARIABLE].split(os.pathsep)]


class Foreign(NamedTuple):
    """What has nothing of this project in it: the base of its images, and the image of a pod."""

    base: Path
    pause: Path


def foreign() -> Foreign:
    """The archives of others' files; those that are missing are made first.

    Raises:
        ImageError: they cannot be made on this machine.
    """
    folder = cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    release = _release()
    inputs = _key(*PACKAGES, *release, platform.machine())
    return Foreign(
        _kept(folder, "base", inputs, lambda to: _make_base(to, *release)),
        _kept(folder, "pause", _key(*_contents([BUSYBOX])), _make_pause),
    )


def own(base: Path) -> tuple[Path, Path]:
    """The archives of the operator and of Falco, of the stand-in for it unless one is given.

    Raises:
        ImageError: a build failed, or what is given is no archive of Falco's image.
    """
    folder = base.parent
    sources = _key(base.name, *_contents(_sources()))
    operator = _kept(folder, "operator", sources, lambda to: _make(base, to, OPERATOR, ROOT))
    if given := os.environ.get(FALCO_VARIABLE):
        return operator, given_falco(Path(given).absolute())
    stand_in = _key(base.name, *_contents(sorted(STAND_IN.iterdir())))
    return operator, _kept(folder, "falco", stand_in, lambda to: _make(base, to, FALCO, STAND_IN))


def given_falco(archive: Path) -> Path:
    """The archive, if it has the image that the operator gives to a Falco without a version.

    Raises:
        ImageError: it has not, or is no archive of docker's format.
    """
    with _archive(archive) as content:
        tags = [tag for image in _listed(content) for tag in image["RepoTags"] or ()]
    if FALCO not in tags:
        raise ImageError(f"{FALCO_VARIABLE}={archive} has {tags}, and not {FALCO}")
    return archive


def plugins(archive: Path) -> dict[str, bytes]:
    """The libraries of plugins in Falco's image, by the plugin's name.

    Raises:
        ImageError: it is no archive of docker's format.
    """
    found = {}
    with _archive(archive) as content:
        for layer in [layer for image in _listed(content) for layer in image["Layers"]]:
            with tarfile.open(fileobj=content.extractfile(layer)) as files:
                for file in files:
                    if file.isfile() and (plugin := _PLUGIN.fullmatch(file.name)):
                        library = files.extractfile(file)
                        found[plugin[1]] = library.read() if library else b""
    return found


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path) as content:
            yield content
    except (OSError, KeyError, TypeError, ValueError, tarfile.TarError) as error:
        raise ImageError(f"{FALCO_VARIABLE}={path} is no docker-archive: {error!r}") from error


def _listed(content: tarfile.TarFile) -> list[dict[str, Any]]:
    listed = content.extractfile("manifest.json")
    images: list[dict[str, Any]] = json.load(listed or io.BytesIO())
    return images


def _kept(folder: Path, name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The file of this content, made if it is missing; others of the name go after a day."""
    path = folder / f"{name}-{key}.tar"
    if not path.exists():
        print(f"Building the image {name}", file=sys.stderr, flush=True)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            make(unfinished)
            for old in folder.glob(f"{name}-*.tar"):
                if old.stat().st_mtime < time.time() - KEPT_SECONDS:
                    old.unlink()
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    return path


def _key(*inputs: str) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]


def _contents(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        yield str(path)
        yield hashlib.sha256(path.read_bytes()).hexdigest()


def _sources() -> list[Path]:
    """The files that the Dockerfile may copy, by `.dockerignore`, and the Dockerfile itself."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = [ROOT / line[1:] for line in lines if line.startswith("!")]
    below = [
        file for path in taken for file in path.glob("**/*") if "__pycache__" not in file.parts
    ]
    return sorted(path for path in [ROOT / "Dockerfile", *taken, *below] if path.is_file())


def _release() -> tuple[str, str, str]:
    """The release of this machine: codename, components, and the mirror that apt has for it."""
    asked = ("apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI) $(COMPONENT)")
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "this system")
    known = [line.split() for line in _output(*asked, "Created-By: Packages").splitlines()]
    found = [(mirror, component) for suite, mirror, component in known if suite == codename]
    if not found:
        raise ImageError(f"apt knows no mirror of {codename}")
    mirror = found[0][0]
    components = sorted({component for where, component in found if where == mirror})
    return codename, ",".join(components), mirror


def _make_pause(target: Path) -> None:
    """An image that holds the namespaces of a pod, and does nothing."""
    with _storage() as buildah:
        container = buildah("from", "scratch").strip()
        buildah("copy", container, BUSYBOX, "/busybox")
        buildah("config", "--entrypoint", '["/busybox", "sleep", "999999999"]', container)
        buildah("commit", container, PAUSE)
        buildah("push", PAUSE, f"docker-archive:{target}:{PAUSE}")


def _make_base(target: Path, suite: str, components: str, mirror: str) -> None:
    """The file system of the Dockerfile's base: Python, pip, and the stand-in's library."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        packages = f"--include={','.join(PACKAGES)}"
        options = ("--variant=minbase", f"--components={components}", packages)
        _output("unshare", "--mount", "debootstrap", *options, suite, root, mirror)
        (root / "usr/bin/python").symlink_to("python3")
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            marker.unlink()  # which the image of that name has not
        for rest in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(root / rest, ignore_errors=True)
        _output("tar", "--create", "--directory", root, "--file", target, ".")


def _make(base: Path, target: Path, name: str, context: Path) -> None:
    """Build the Dockerfile in this folder on that base."""
    dockerfile = (context / "Dockerfile").read_text()
    python = re.search(r"^ARG PYTHON=(\S+)$", dockerfile, re.MULTILINE)
    if python is None:
        raise ImageError(f"the Dockerfile in {context} names no base")
    with _storage() as buildah, _pip() as volumes:
        held = f"localhost/{base.stem}"  # the base is in the storage since an earlier build
        if held not in buildah("images", "--format", "{{.Name}}"):
            container = buildah("from", "scratch").strip()
            buildah("add", container, base, "/")
            buildah("config", "--env", f"PATH={PATH}", container)
            buildah("commit", "--rm", container, held)
        buildah("tag", held, python[1])
        options = ("--isolation=chroot", "--pull-never", "--layers", *volumes)
        buildah("bud", *options, "--tag", name, context)
        buildah("push", name, f"docker-archive:{target}:{name}")


@contextlib.contextmanager
def _storage() -> Iterator[Callable[..., str]]:
    """Runs buildah in mounts of its own, with a storage of its own.

    The storage has the layers of earlier builds, so that a change of the sources builds the last
    ones only. What it holds is begun anew once it is large.
    """
    folder = cache() / "images"
    storage = folder / "storage"
    with (folder / "lock").open("w") as lock, tempfile.TemporaryDirectory() as directory:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _bytes(storage) > STORAGE_BYTES:
            shutil.rmtree(storage)
        place = (f"--root={storage}", f"--runroot={directory}", "--storage-driver=overlay")

        def buildah(*arguments: str | Path) -> str:
            return _output("unshare", "--mount", "buildah", *place, *arguments)

        yield buildah


def _bytes(folder: Path) -> int:
    files = (path.lstat() for path in folder.glob("**/*"))
    return sum(file.st_blocks * 512 for file in files)


@contextlib.contextmanager
def _pip() -> Iterator[tuple[str, ...]]:
    """Mounts that give to pip in a build what it is told on this machine about indices and CAs."""
    known = _output(sys.executable, "-m", "pip", "config", "list")
    found = re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", known, re.MULTILINE)
    settings = {name: value for name, value in found if name in PIP_SETTINGS}
    volumes = []
    if "cert" in settings:
        volumes.append(f"--volume={settings['cert']}:{CERTIFICATES}:ro")
        settings["cert"] = CERTIFICATES
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "pip.conf"
        lines = (f"{name} = {value}" for name, value in settings.items())
        file.write_text("\n".join(["[global]", *lines]))
        yield (f"--volume={file}:/etc/pip.conf:ro", *volumes)


def _output(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        what = " ".join(map(str, command))
        raise ImageError(f"{what}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
