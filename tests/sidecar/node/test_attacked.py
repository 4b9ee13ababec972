"""A second process attacks the volumes while the sidecar installs, again and again."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from resources.node.files import Directory
from sidecar.volume.disk import SUBDIRECTORY
from tests.sampled import PROVE
from tests.sidecar.node.one_node import Node
from tests.sidecar.node.test_installation import RULES

ATTACKER = Path(__file__).with_name("attacker.py")
PATHS = {"PYTHONPATH": str(Path.cwd())}
FILE = "50-03-a-inline.yaml"
# NameConflict: the attacker was quicker to put a file where ours was to be.
REASONS = {None, "InlineRulesStoreFailed", "InvalidContent", "NameConflict"}


def rules(number):
    condition = f"proc.name = sh{number}"
    return {"inlineRules": [{"macro": "shell", "condition": condition}], "priority": 50}


def tree(directory):
    """Kind, permissions and content of everything in a directory."""
    states = {path: path.lstat() for path in directory.rglob("*")}
    return {
        path: (
            found.st_mode,
            found.st_mtime_ns,
            path.read_bytes() if stat.S_ISREG(found.st_mode) else b"",
        )
        for path, found in states.items()
    }


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=PROVE) for seed in range(1, 12))])
async def test_nothing_outside_is_touched_and_the_sidecar_goes_on(root, seed):
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    before = tree(outside)
    node = Node(root)
    node.put("Rulesfile", "a", rules(0))
    assert await node.settled() == {"a": ("Programmed", None)}

    command = [sys.executable, ATTACKER, root, str(seed)]
    with subprocess.Popen(command, env=os.environ | PATHS) as attacker:  # noqa: ASYNC220 - at once
        number = 0
        while attacker.poll() is None:
            number += 1
            if number % 3 == 0:
                await node.stopped()
                node = Node(root)  # which reads what is on disk
            node.put("Rulesfile", "a", rules(number), generation=number)
            await node.settled()
            [report] = node.state.reports
            assert report.reason in REASONS
            assert report.reason is None or report.message
    assert attacker.returncode == 0
    assert tree(outside) == before

    for directory in Directory:  # what is in the way is named, and left to a user
        place = root / directory.value / SUBDIRECTORY
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    place = root / RULES / FILE
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    else:
        place.unlink(missing_ok=True)
    await node.stopped()
    node = Node(root)
    node.put("Rulesfile", "a", rules(-1))
    assert await node.settled() == {"a": ("Programmed", None)}
    assert b"proc.name = sh-1" in (root / RULES / FILE).read_bytes()
