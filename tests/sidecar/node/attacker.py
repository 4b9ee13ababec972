"""Attacks the volumes of a node as whoever took over its Falco could: `attacker.py ROOT SEED`.

It changes nothing outside of ROOT itself, but makes links that lead out.
"""

import json
import os
import random
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from resources.node.files import Directory
from sidecar.volume import manifest
from sidecar.volume.disk import SUBDIRECTORY

ATTACKS = 60
# Seconds between two attacks: so that some meet a step of the sidecar, and some a quiet one.
PAUSES = (0.0, 0.001, 0.02, 0.2)


class Attacker:
    """Each attack is at a random place in the volumes."""

    def __init__(self, root, seed):
        self._root = root
        self._outside = root.parent / "outside"
        self._random = random.Random(seed)

    def attack(self):
        """One attack; it may come to nothing."""
        ways = (
            lambda path: os.mkfifo(_without(path)),
            lambda path: _without(path).symlink_to("/dev/zero"),
            lambda path: _without(path).symlink_to(self._outside),
            lambda path: _without(path).symlink_to(self._outside / "precious"),
            lambda path: _without(path).mkdir(),
            lambda path: _without(path).write_bytes(b"[" * 200_000),
            lambda path: _without(path).write_bytes(self._forged()),
            _vast,
            _without,
            _written_into,
        )
        with suppress(OSError):  # the sidecar was quicker
            self._random.choice(ways)(self._place())

    def pause(self):
        time.sleep(self._random.choice(PAUSES))

    def _place(self):
        directory = self._root / self._random.choice(list(Directory)).value
        own = directory / SUBDIRECTORY
        places = [own, own / manifest.FILE, *(own / name for name in ("blobs", "staged", "pulls"))]
        for folder in (directory, own / "blobs", own / "staged"):
            if folder.resolve() == folder and folder.is_dir():
                places += folder.iterdir()
        inside = [place for place in places if place.parent.resolve() == place.parent]
        return self._random.choice(inside)

    def _forged(self):
        """A manifest, by which files that are none of the sidecar's are its own."""
        file = self._random.choice(["../../../x", "/etc/x", "..", "50-03-a-inline.yaml"])
        kind = self._random.choice(["Rulesfile", "Secret"])
        content = {"sha256": self._random.choice(["0" * 64, "../../x"]), "origin": "x"}
        path = self._random.choice(["etc/falco/rules.d/../../../outside/precious", "etc/x"])
        slots = {f"{kind}/a/uid-a/inline": {"file": file, "created": "", "content": content}}
        forged = {"files": {path: "0" * 64}, "slots": slots, "later": [{}]}
        return json.dumps(forged).encode()


def _without(path):
    """The path, at which there is nothing any more."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


def _vast(path):
    _without(path).touch()
    os.truncate(path, 1 << 40)


def _written_into(path):
    if path.is_file() and not path.is_symlink():
        path.write_bytes(b"evil")


if __name__ == "__main__":
    attacker = Attacker(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
    for _ in range(ATTACKS):
        attacker.attack()
        attacker.pause()
