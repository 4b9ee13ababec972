"""From a change of artifacts to the verdict of Falco, in the real child process of the check."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from resources.artifact.medium import Medium
from resources.check.check_request import Context
from resources.configuration.base import base_config
from resources.node.files import Directory
from resources.node.plan import Plan, PlannedSlot
from resources.node.plugin_entries import PluginEntry
from resources.node.report import judge
from resources.node.slots import Content, SlotId, SlotVersion
from resources.rules.versions import FalcoVersions
from sidecar.check.node_check import NodeCheck
from sidecar.check.pod_falco import NOT_GIVEN, PodFalco
from sidecar.check.verdicts import Verdicts
from tests.played_dry_run import write_played_falco
from tests.sidecar.node.one_node import Node
from tests.sidecar.volume.node_directories import started

PLAIN = {
    "rule": "One",
    "desc": "d",
    "condition": "evt.type = open",
    "output": "o",
    "priority": "NOTICE",
}
# By name of an answer of the played Falco: a Rulesfile or Config to which the real one answers so.
FIELD = {**PLAIN, "condition": "evt.type = open and no.such = a", "desc": "played-field"}
CRASH = [
    {**PLAIN, "desc": "played-crash"},
    {
        "rule": "One",
        "exceptions": [
            {"name": "e", "fields": ["proc.name", "proc.cmdline"], "values": [["a", "b"]]}
        ],
        "override": {"exceptions": "replace"},
    },
]
ABORT = {"engine": [], "http_output": {"url": "played-abort"}}
LEVEL = {"log_level": "WARN", "http_output": {"url": "played-level"}}
UNUSED = [{"list": "played-unused", "items": ["a"]}]
TAKEN = [
    {"list": "l", "items": ["one"]},
    {**PLAIN, "condition": "evt.type = open and proc.cmdline contains anyof l"},
]


@pytest.fixture(params=["played", pytest.param("real", marks=pytest.mark.real_falco)])
def image(request, tmp_path):
    """A directory laid out as Falco's image."""
    if request.param == "played":
        return write_played_falco(tmp_path / "image")
    if "FALCO_ROOT" not in os.environ:
        pytest.skip("FALCO_ROOT names no directory with a real Falco (README.md)")
    return Path(os.environ["FALCO_ROOT"])


@pytest.fixture
def falco_root(root):
    (root / "etc/falco").mkdir(parents=True)
    (root / "etc/falco/falco.yaml").write_text(base_config("Deployment", "0.44.1"))
    return root


@pytest.fixture
async def node(falco_root, image):
    node = Node(falco_root, falco=image)
    node.put("Rulesfile", "fine", {"inlineRules": [{**PLAIN, "rule": "Fine"}], "priority": 50})
    assert await node.settled() == {"fine": ("Programmed", None)}
    assert judge(node.verdicts[-1]) == "Falco"
    return node


async def messages(node):
    await node.settled()
    return {report.name: report.message for report in node.state.reports}


async def test_a_rule_that_falco_refuses_is_named_with_its_line_and_the_code(node, falco_root):
    node.put("Rulesfile", "bad", {"inlineRules": [FIELD], "priority": 60})
    found = await messages(node)
    assert found["fine"] is None
    assert found["bad"].startswith('rule "One" (line ')
    assert "Falco refuses it: LOAD_ERR_COMPILE_CONDITION: filter_check called with" in found["bad"]
    assert not (falco_root / "etc/falco/rules.d/60-03-bad-inline.yaml").exists()


async def test_by_warn_it_is_installed_all_the_same_but_for_what_falco_crashes_of(node, falco_root):
    node.put("Rulesfile", "bad", {"inlineRules": [FIELD], "priority": 60, "validation": "Warn"})
    node.put("Config", "level", {"config": LEVEL, "priority": 60, "validation": "Warn"})
    node.put("Rulesfile", "worse", {"inlineRules": CRASH, "priority": 70, "validation": "Warn"})
    found = await messages(node)
    assert found["fine"] is None
    assert "as validation is Warn: Falco refuses it: " in found["level"]
    assert "Falco refuses it: LOAD_ERR_COMPILE_CONDITION: filter_check called with" in found["bad"]
    assert "crashes" in found["worse"]
    rules = falco_root / "etc/falco/rules.d"
    assert (rules / "60-03-bad-inline.yaml").exists()
    assert not (rules / "70-03-worse-inline.yaml").exists()
    assert judge(node.verdicts[-1]) == "Falco"


async def test_a_file_that_falco_is_to_write_is_left_to_its_own_container(node):
    metrics = {"enabled": True, "interval": "1h", "output_file": "/var/log/falco/metrics.txt"}
    node.put("Config", "metrics", {"config": {"metrics": metrics}})
    node.put("Rulesfile", "bad", {"inlineRules": [FIELD], "priority": 60})
    found = await messages(node)
    assert "refuses" not in found["metrics"]
    assert "nonexistent field" in found["bad"]
    assert judge(node.verdicts[-1]) == "Falco"


@pytest.mark.parametrize(
    ("kind", "spec", "signal"),
    [
        ("Rulesfile", {"inlineRules": CRASH, "priority": 60}, "SIGSEGV"),
        ("Config", {"config": ABORT, "priority": 60}, "SIGABRT"),
    ],
)
async def test_what_falco_crashes_of_is_refused(node, kind, spec, signal):
    node.put(kind, "bad", spec)
    found = await messages(node)
    assert found["fine"] is None
    assert f"Falco crashes of it ({signal})" in found["bad"]


def dry_runs(node):
    return sum(verdict.dry_runs for verdict in node.verdicts)


async def test_of_many_configurations_the_one_at_fault_is_found_by_halving(node):
    for number in range(6):
        spec = {"config": {"json_output": True}, "priority": number}
        node.put("Config", f"fine-{number}", spec)
    node.put("Config", "bad", {"config": LEVEL, "priority": 3})
    before = dry_runs(node)
    found = await messages(node)
    assert found.pop("bad") == "Falco refuses it: Unknown log level WARN"
    assert {state.state for state in node.state.reports if state.name != "bad"} == {"Programmed"}
    assert 3 <= dry_runs(node) - before <= 10


async def test_what_falco_takes_is_installed_although_our_check_objects(node, falco_root):
    node.put("Rulesfile", "odd", {"inlineRules": TAKEN, "priority": 60})
    found = await messages(node)
    assert {report.state for report in node.state.reports} == {"Programmed"}
    assert (falco_root / "etc/falco/rules.d/60-03-odd-inline.yaml").exists()
    if found["odd"]:  # our own check may have learned it meanwhile
        assert "Falco takes it, our own check does not" in found["odd"]


@pytest.mark.parametrize("log_level", ["info", "error"])
async def test_what_falco_warns_of_is_told_whatever_it_logs(node, log_level):
    node.put("Config", "log", {"config": {"log_level": log_level}, "priority": 10})
    node.put("Rulesfile", "odd", {"inlineRules": UNUSED, "priority": 60})
    found = await messages(node)
    assert {report.state for report in node.state.reports} == {"Programmed"}
    assert found["odd"].startswith(
        'list "played-unused" (line 1): Falco warns: LOAD_UNUSED_LIST: List not referred to by any'
    )
    assert "Falco warns" not in (found["fine"] or "")


async def test_the_same_set_is_asked_for_once(node):
    spec = {"config": {"json_output": True}, "priority": 10}
    runs = []
    for generation in range(1, 7):
        node.put("Config", "c", spec | {"priority": 10 + generation % 2}, generation=generation)
        await node.settled()
        runs.append(dry_runs(node))
    assert runs[2:] == [runs[2]] * 4


@pytest.mark.parametrize("damage", ["", "no JSON", "another kind", "another program"])
async def test_a_process_that_restarts_asks_for_nothing_again(node, falco_root, image, damage):
    """What is refused stays so as well; a file of verdicts that is no such file is not used."""
    artifacts = [
        ("Rulesfile", "bad", {"inlineRules": [FIELD], "priority": 60}),
        ("Rulesfile", "fine", {"inlineRules": [{**PLAIN, "rule": "Fine"}], "priority": 50}),
        ("Config", "c", {"config": {"json_output": True}, "priority": 10}),
    ]
    for artifact in artifacts:
        node.put(*artifact)
    before = await messages(node)
    if damage == "no JSON":
        (falco_root / "falco-verdicts.json").write_bytes(b"\xff")
    elif damage == "another kind":
        (falco_root / "falco-verdicts.json").unlink()
        (falco_root / "falco-verdicts.json").mkdir()
    elif damage:
        copy = falco_root / "copy"
        shutil.copytree(image / "usr", copy / "usr")
        image = copy
    following = Node(falco_root, falco=image)
    for artifact in artifacts:
        following.put(*artifact)
    assert await messages(following) == before
    assert judge(following.verdicts[-1]) == "Falco"
    assert (dry_runs(following) == 0) is (damage == "")


async def test_a_set_at_which_the_sidecar_ends_is_asked_for_twice_and_no_more(
    falco_root, image, monkeypatch
):
    """As if the kernel had killed the whole container when Falco took too much memory."""
    judges = []
    with monkeypatch.context() as dying:
        dying.setattr(Verdicts, "answered", lambda _self: None)
        for _ in range(4):
            node = Node(falco_root, falco=image)
            node.put("Config", "c", {"config": {"json_output": True}, "priority": 10})
            await node.settled()
            judges.append(node.state.judge)
            (falco_root / "falco-verdicts.json").unlink(missing_ok=True)
    # The first was about other files: nothing was installed.
    assert judges[:3] == ["Falco"] * 3
    assert judges[3].startswith("own check only: the sidecar has ended twice while it asked")
    node.put("Config", "c", {"config": {"json_output": False}, "priority": 10}, generation=2)
    await node.settled()
    assert node.state.judge == "Falco"


async def test_a_variable_that_only_falcos_container_has_leaves_it_to_our_own_check(node):
    config = {"http_output": {"url": "http://${HOST_OF_MINE}", "enabled": False}}
    node.put("Config", "c", {"config": config, "priority": 10})
    await node.settled()
    assert judge(node.verdicts[-1]) == (
        "own check only: the configuration uses variables of Falco's container: HOST_OF_MINE"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (None, "is not there"),
        ("no program", "no dry run of Falco is possible"),
        ("#!/nonexistent\n", "no dry run of Falco is possible"),
        ("#!/bin/sh\nexit 127\n", "ended with exit code 127"),
        ("#!/bin/sh\nkill -9 $$\n", "needed too much memory"),
        ("#!/bin/sh\nkill -11 $$\n", "Falco crashes of it"),
        ("#!/bin/sh\necho 'Error: no'; exit 1\n", "Falco refuses it: no"),
        ("#!/bin/sh\nexec yes\n", "ended with exit code"),
    ],
)
async def test_a_falco_that_does_not_run_here_leaves_it_to_our_own_check(
    falco_root, tmp_path, source, reason
):
    image = tmp_path / "image"
    if source is not None:
        write_played_falco(image, source)
    node = Node(falco_root, falco=image)
    node.put("Rulesfile", "fine", {"inlineRules": [PLAIN], "priority": 50})
    node.put("Rulesfile", "bad", {"inlineRules": [{"rule": "x"}], "priority": 50})
    assert await node.settled() == {
        "fine": ("Programmed", None),
        "bad": ("Failed", "InvalidContent"),
    }
    assert node.state.judge.startswith("own check only: ")
    assert reason in node.state.judge
    assert node.verdicts[-1].disagreements is None


async def test_what_a_killed_check_has_left_goes_with_the_next(node):
    left = Path(tempfile.gettempdir()) / f"falco-{os.getpid()}-left" / "falco"
    left.mkdir(parents=True)
    node.put("Config", "c", {"config": {"json_output": True}, "priority": 10})
    await node.settled()
    assert list(left.parent.parent.glob(f"falco-{os.getpid()}-*")) == []


async def test_without_a_falco_the_report_says_so(falco_root):
    node = Node(falco_root)
    node.put("Rulesfile", "fine", {"inlineRules": [PLAIN], "priority": 50})
    await node.settled()
    assert node.state.judge == f"own check only: {NOT_GIVEN}"


async def test_a_library_of_falcos_image_is_found_there(image, tmp_path):
    """Where the image is a volume; of a copy only the program is there."""
    whole = tmp_path / "whole"
    shutil.copytree(image / "usr", whole / "usr")
    (whole / "opt").mkdir()
    (whole / "opt/none.so").write_bytes(b"played-library")
    falco_root = tmp_path / "other"
    (falco_root / "etc/falco").mkdir(parents=True)
    (falco_root / "etc/falco/falco.yaml").write_text(base_config("Deployment", "0.44.1"))
    node = Node(falco_root, falco=whole)
    node.put("Plugin", "none", {"config": {"libraryPath": "/opt/none.so"}})
    found = await messages(node)
    assert found["none"].startswith("Falco refuses it: cannot load plugin /opt/none.so: ")
    assert node.state.judge == "Falco"
    node.put("Plugin", "none", {"config": {"libraryPath": "/opt/other.so"}}, generation=2)
    await node.settled()
    assert "lacks a file: cannot load plugin /opt/other.so" in node.state.judge


@pytest.mark.parametrize("listed", [None, "/usr/lib/libc.so.6\n", "/a/other.so\n", ""])
async def test_a_library_that_falco_has_nowhere_is_refused(falco_root, image, tmp_path, listed):
    """By the image itself, or by the list of its libraries where it is a copy."""
    of_falco = tmp_path / "of-falco"
    shutil.copytree(image / "usr", of_falco / "usr")
    if listed is None:
        (of_falco / "etc").mkdir()
    else:
        (of_falco / "libraries").write_text(listed)
    node = Node(falco_root, falco=of_falco, is_whole=True)
    node.put("Plugin", "other", {"config": {"libraryPath": "/opt/other.so"}})
    found = await messages(node)
    if listed in {None, "/usr/lib/libc.so.6\n"}:
        assert found["other"].startswith("Falco refuses it: cannot load plugin /opt/other.so: ")
        assert node.state.judge == "Falco"
    else:
        assert "lacks a file: cannot load plugin /opt/other.so" in node.state.judge


async def test_a_library_that_is_none_is_refused_and_named(falco_root, tmp_path, image):
    """As a Plugin whose image holds something else."""
    data = b"played-library"
    volume = started(falco_root)
    digest = volume.blobs.put(Directory.PLUGINS, data)
    falco = PodFalco(image, falco_root, "n", lambda: 20.0)
    check = NodeCheck(volume, Context(), falco, Verdicts(tmp_path), lambda _verdict: None)
    entries = {
        "fine": PluginEntry("fine", "/usr/share/falco/plugins/fine.so", {"a": [1]}),
        "json": PluginEntry("json", "json.so", {"a": 1}),
    }
    slots = [
        PlannedSlot(
            SlotId("Plugin", name, f"uid-{name}", Medium.OCI),
            SlotVersion(f"{name}.so", "", Content(digest, "x"), entry),
            None,
        )
        for name, entry in entries.items()
    ]
    verdict = await check.ask(Plan(tuple(slots[1:]), {}), FalcoVersions())
    assert verdict.chosen == {str(slots[1].id): "none"}
    ((problem,),) = verdict.problems.values()
    assert "Falco refuses it: cannot load plugin /usr/share/falco/plugins/json.so: " in problem
    verdict = await check.ask(Plan(tuple(slots), {}), FalcoVersions())
    assert set(verdict.chosen.values()) == {"none"}
