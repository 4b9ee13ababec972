"""What Falco sees of a node, and an update that has everything in it."""

import hashlib
import stat
from functools import cache

import yaml

from resources.node.files import Directory, File
from resources.node.plugin_entries import PluginEntry, plugin_entries
from sidecar.volume.disk import SUBDIRECTORY, Disk
from sidecar.volume.volume import Volume

RULES = Directory.RULES.value
CONFIG = Directory.CONFIG.value
PLUGINS = Directory.PLUGINS.value
ENTRIES = f"{CONFIG}/zz-plugins.yaml"
MANIFEST = f"{CONFIG}/{SUBDIRECTORY}/manifest.json"
MODES = {RULES: 0o644, CONFIG: 0o644, PLUGINS: 0o755}
FOREIGN = {f"{RULES}/falco_rules.yaml": b"- rule: theirs\n", f"{PLUGINS}/theirs.so": b"theirs"}


def entries(*plugins):
    names = ((plugin, f"/{PLUGINS}/{plugin}.so") for plugin in plugins)
    return plugin_entries(PluginEntry(*name) for name in names).encode()


BEFORE = {
    f"{RULES}/50-01-kept-oci.yaml": b"- rule: kept\n",
    f"{RULES}/50-03-changed-inline.yaml": b"- rule: changed before\n",
    f"{RULES}/40-02-moved-configmap.yaml": b"- rule: moved\n",
    f"{RULES}/50-03-gone-inline.yaml": b"- rule: gone\n",
    f"{CONFIG}/50-03-kept-inline.yaml": b"kept: true\n",
    f"{CONFIG}/50-03-changed-inline.yaml": b"changed: before\n",
    f"{CONFIG}/50-03-moved-inline.yaml": b"moved: true\n",
    f"{CONFIG}/50-03-gone-inline.yaml": b"gone: soon\n",
    f"{PLUGINS}/kept.so": b"library kept",
    f"{PLUGINS}/replaced.so": b"library one",
    f"{PLUGINS}/gone.so": b"library gone",
    ENTRIES: entries("kept", "replaced", "gone"),
}
AFTER = {
    f"{RULES}/50-01-kept-oci.yaml": b"- rule: kept\n",
    f"{RULES}/50-03-changed-inline.yaml": b"- rule: changed after\n",
    f"{RULES}/60-02-moved-configmap.yaml": b"- rule: moved\n",
    f"{RULES}/50-03-new-inline.yaml": b"- rule: new\n",
    f"{CONFIG}/50-03-kept-inline.yaml": b"kept: true\n",
    f"{CONFIG}/50-03-changed-inline.yaml": b"changed: after\n",
    f"{CONFIG}/20-03-moved-inline.yaml": b"moved: true\n",
    f"{CONFIG}/50-03-new-inline.yaml": b"new: true\n",
    f"{PLUGINS}/kept.so": b"library kept",
    f"{PLUGINS}/replaced.so": b"library two",
    f"{PLUGINS}/new.so": b"library new",
    ENTRIES: entries("kept", "replaced", "new"),
}
MOVED = {
    f"{RULES}/40-02-moved-configmap.yaml": f"{RULES}/60-02-moved-configmap.yaml",
    f"{CONFIG}/50-03-moved-inline.yaml": f"{CONFIG}/20-03-moved-inline.yaml",
}


# A little of everything.
RULE = f"{RULES}/50-03-a-inline.yaml"
LIBRARY = f"{PLUGINS}/a.so"
CONTENTS = {RULE: b"- rule: a\n", LIBRARY: b"library", ENTRIES: entries("a")}


def files(contents):
    """The desired files of these contents by path."""
    return [file(path, content) for path, content in contents.items()]


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def file(path, content):
    """The desired file with this content."""
    directory, _, name = path.rpartition("/")
    return File(Directory(directory), name, sha256(content))


def put(volume, contents):
    """The desired files of these contents, which are put into the volume."""
    for path, content in contents.items():
        volume.blobs.put(file(path, content).directory, content)
    return files(contents)


def install(volume, contents, slots=None):
    """Install these contents as the sidecar does: put, apply, and collect, until it is complete.

    The first batch is returned.
    """
    desired = put(volume, contents)
    applied = apply(volume, desired, slots)
    volume.blobs.collect([file.sha256 for file in desired])
    return applied


def apply(volume, desired, slots=None):
    """Make the batch, and the one that it postpones; the first is returned."""
    first = volume.apply(desired, slots or {}, gate_opened=False)
    if first.postponed:
        following = volume.apply(desired, slots or {}, gate_opened=False)
        assert (following.removed, following.is_seen) == (first.postponed, False)
    return first


def started(root, disk=None):
    """The volume of a process that has just begun."""
    volume = Volume(root, disk or Disk())
    volume.load()
    return volume


def loaded(root):
    """The manifest that a process which begins now would load."""
    return Volume(root, Disk()).load()


def paths(changed):
    """The paths of files or places, in their order."""
    return [place.path for place in changed]


def digests(contents):
    """The SHA-256 of these contents by place, as a manifest holds them."""
    return {file.place: file.sha256 for file in files(contents)}


def write_foreign(root):
    for path, content in FOREIGN.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


def seen(root):
    """Every file in the directories themselves, as Falco would read it."""
    return {
        f"{directory}/{path.name}": path.read_bytes()
        for directory in MODES
        for path in sorted((root / directory).glob("*"))
        if path.is_file()
    }


def modes(root):
    """The directories and permissions of all files that are ours."""
    return {
        (directory, stat.S_IMODE(path.stat().st_mode))
        for directory in MODES
        for path in (root / directory).glob("*")
        if path.is_file() and f"{directory}/{path.name}" not in FOREIGN
    }


def blobs(root):
    """The SHA-256 of every blob."""
    return {path.name for path in root.glob(f"**/{SUBDIRECTORY}/blobs/*")}


def leftovers(root):
    """Temporary files, of which there are none when nothing is going on."""
    return [*root.glob(f"**/{SUBDIRECTORY}/staged/*"), *root.glob(f"**/{SUBDIRECTORY}/pulls/*")]


@cache
def libraries(entries):
    """Paths of the libraries that Falco would load."""
    plugins = yaml.safe_load(entries)["plugins"]
    return {plugin["library_path"].lstrip("/") for plugin in plugins}


def check_converged(root, contents):
    """The directories are equal to these contents, and nothing else is left."""
    assert seen(root) == {**contents, **FOREIGN}
    assert modes(root) <= set(MODES.items())
    assert leftovers(root) == []
    assert blobs(root) == {file.sha256 for file in files(contents)}


def check_safe(root, before, after):
    """Falco sees what it may see at any moment of an update."""
    files = seen(root)
    for path in {*files, *before, *after} - FOREIGN.keys():
        assert files.get(path) in {before.get(path), after.get(path)}, path
    for old, new in MOVED.items():
        assert not {old, new} <= {*before, *after} or {old, new} & files.keys()
    assert FOREIGN.items() <= files.items()
    assert not libraries(files.get(ENTRIES, b"plugins: []")) - files.keys()
    assert modes(root) <= set(MODES.items())
