"""Whoever runs as Falco can write its volumes; that ends no sidecar and leads it nowhere."""

import hashlib
import json
import os

import pytest

from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from actors.watch.store import snapshot_of
from resources.node.files import Directory
from sidecar.volume.disk import SUBDIRECTORY
from sidecar.volume.volume import _MOST_MANIFEST
from tests.sidecar.node.one_node import Node
from tests.sidecar.node.test_installation import MACRO, RULES
from tests.sidecar.volume.node_directories import MANIFEST, RULE, install, started

EVIL = b"- macro: evil\n  condition: evt.num = 1\n"
EVIL_SHA256 = hashlib.sha256(EVIL).hexdigest()
SPEC = {"inlineRules": [MACRO], "priority": 50}


def as_fifo(path):
    os.mkfifo(path)


def as_endless(path):
    path.symlink_to("/dev/zero")


def as_vast(path):
    path.touch()
    os.truncate(path, _MOST_MANIFEST + 1)


def as_deep(path):
    path.write_bytes(b"[" * 100_000)


@pytest.fixture
def attacked(root):
    """The volume of a node on which a file is installed."""
    install(started(root), {RULE: b"- macro: a\n  condition: evt.num = 1\n"})
    return root


def forge(root, **slots):
    path = root / MANIFEST
    manifest = json.loads(path.read_bytes())
    manifest["slots"] = {
        key: {"created": "", "content": {"sha256": EVIL_SHA256, "origin": "x"}, **version}
        for key, version in slots.items()
    }
    path.write_text(json.dumps(manifest))


async def installs(root):
    node = Node(root)
    node.put("Rulesfile", "a", SPEC)
    assert await node.settled() == {"a": ("Programmed", None)}
    assert b"proc.name = sh" in (root / RULE).read_bytes()


@pytest.mark.parametrize("occupy", [as_fifo, as_endless, as_vast, as_deep])
async def test_whatever_is_at_the_place_of_the_manifest_the_sidecar_goes_on(
    attacked, occupy, caplog
):
    (attacked / MANIFEST).unlink()
    occupy(attacked / MANIFEST)
    await installs(attacked)
    assert "manifest.json" in caplog.text


async def test_a_directory_at_the_place_of_the_manifest_is_named(attacked):
    (attacked / MANIFEST).unlink()
    (attacked / MANIFEST).mkdir()
    node = Node(attacked)
    node.put("Rulesfile", "a", SPEC)
    assert await node.settled() == {"a": ("Failed", "InlineRulesStoreFailed")}
    [report] = node.state.reports
    assert "manifest.json" in (report.message or "")


@pytest.mark.parametrize(
    ("slot", "file"),
    [
        ("Secret/a/uid-a/inline", "50-03-a-inline.yaml"),
        ("Rulesfile/a/uid-a/tape", "50-03-a-tape.yaml"),
        ("Rulesfile/a/uid-a/inline", "../../../x"),
        ("Rulesfile/a/uid-a/inline", "/etc/x"),
    ],
)
async def test_a_slot_that_is_none_of_ours_is_named_and_not_written(attacked, slot, file, caplog):
    """The actor of the artifact has not come yet, so that the slot would keep what it has."""
    before = {path for path in attacked.parent.rglob("*") if SUBDIRECTORY not in path.parts}
    started(attacked).blobs.put(Directory.RULES, EVIL)
    forge(attacked, **{slot: {"file": file}})
    node = Node(attacked)
    metadata = {"name": "a", "namespace": "falco", "uid": "uid-a", "resourceVersion": "1"}
    raw = json.dumps({"metadata": metadata, "spec": SPEC}).encode()
    node.store.put(snapshot_of("Rulesfile", raw))
    node.installation.tell(Reconcile(Reason(Cause.LISTED)))
    await node.installed()
    after = {path for path in attacked.parent.rglob("*") if SUBDIRECTORY not in path.parts}
    assert after - before == set()
    assert "what was installed is not known" in caplog.text
    assert slot in caplog.text


@pytest.mark.parametrize("occupy", [as_fifo, as_endless])
async def test_whatever_is_at_the_place_of_content_is_replaced(attacked, occupy):
    for blob in attacked.glob(f"{RULES}/{SUBDIRECTORY}/blobs/*"):
        blob.unlink()
        occupy(blob)
    await installs(attacked)


@pytest.mark.parametrize("occupy", [as_fifo, as_endless])
async def test_whatever_lies_beside_our_files_is_not_read(attacked, occupy):
    occupy(attacked / RULES / "aa.yaml")
    await installs(attacked)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("etc/falco/rules.d/below/theirs", ("Programmed", None)),
        ("theirs", ("Failed", "InvalidContent")),
    ],
)
async def test_a_link_is_followed_within_its_volume_only(attacked, target, expected):
    path = attacked / target
    path.parent.mkdir(exist_ok=True)
    path.write_text("- macro: theirs\n  condition: evt.num = 1\n")
    (attacked / RULES / "00.yaml").symlink_to(path)
    node = Node(attacked)
    item = {"macro": "theirs", "condition": "or evt.num = 2", "override": {"condition": "append"}}
    node.put("Rulesfile", "b", {"inlineRules": [item], "priority": 50})
    assert await node.settled() == {"b": expected}


async def test_an_own_directory_that_is_a_link_is_named_and_nothing_is_written_there(attacked):
    own = attacked / RULES / SUBDIRECTORY
    own.rename(attacked / "moved")
    (attacked.parent / "elsewhere").mkdir()
    own.symlink_to(attacked.parent / "elsewhere")
    node = Node(attacked)
    node.put("Rulesfile", "a", SPEC)
    assert await node.settled() == {"a": ("Failed", "InlineRulesStoreFailed")}
    [report] = node.state.reports
    assert "it is no directory" in (report.message or "")
    assert list((attacked.parent / "elsewhere").iterdir()) == []
