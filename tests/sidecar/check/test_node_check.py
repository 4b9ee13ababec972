from itertools import pairwise

import pytest

import sidecar.check.node_check
from actors.runtime.child_process import MEGABYTE
from resources.check.check_request import (
    CheckedSlot,
    CheckedVersion,
    CheckRequest,
    Context,
    PluginFact,
)
from sidecar.check.node_check import CheckFailed, check_in_child

CONTEXT = Context(engine_version="0.62.0", falco_version="0.44.1")
FINE = """\
- list: shells
  items: [bash, sh]
- rule: Terminal shell
  desc: A shell
  condition: evt.type = execve and proc.name in (shells)
  output: shell
  priority: WARNING
"""
LEVELS = "abcdefghij"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [" + ", ".join([f"*{before}"] * 9) + "]\n"
    for before, name in pairwise(LEVELS)
)
HOSTILE = {
    "an alias bomb": (BOMB, "aliases make it more than 100000 values"),
    "deep flow": ("[" * 10_000, "line 1: values are nested deeper than 100"),
    "deep block": ("- " * 10_000 + "x", "line 1: values are nested deeper than 100"),
    "no UTF-8": (b"- rule: \xff\n", "line 1: it is not UTF-8 (byte 0xff)"),
    "brackets": ("[" * (4 << 20), "line 1: values are nested deeper than 100"),
    "too large": ("#" * ((4 << 20) + 1), "it is larger than 4 MiB"),
    "many values": ("[" + "a," * (1 << 20) + "]", "it has more than 100000 values"),
    "text": ("just text", "line 1: the file holds text, not a list of rules"),
    "a map": ("rule: x", "line 1: the file holds a map, not a list of rules"),
    "a long condition": (
        "- macro: a\n  condition: x" + " or x" * 700_000,
        "it is longer than 262144 characters",
    ),
}


@pytest.fixture
def slot(tmp_path):
    """Makes a slot for a rules file; its versions are written to disk."""
    count = 0

    def version(content):
        nonlocal count
        count += 1
        path = tmp_path / str(count)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return CheckedVersion(path=str(path))

    def make(name, wanted, good=None):
        return CheckedSlot(name, "rules", name, version(wanted), version(good) if good else None)

    return make


async def test_a_node_is_checked_in_a_process_of_its_own(slot):
    plugin = CheckedSlot(
        "p", "plugin", "json.so", CheckedVersion(plugin=PluginFact("json", "0.7.0"))
    )
    slots = (slot("10.yaml", FINE), slot("20.yaml", "- rule: x\n", FINE), plugin)
    verdict = await check_in_child(CheckRequest(slots, CONTEXT))
    assert verdict.chosen == {"10.yaml": "wanted", "20.yaml": "good", "p": "wanted"}
    assert verdict.problems == {"20.yaml": ('rule "x" (line 1): key enabled: it is missing',)}
    assert verdict.warnings == {}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
async def test_hostile_content_is_refused_by_name_within_64_megabytes(
    slot, monkeypatch, content, message
):
    monkeypatch.setattr(sidecar.check.node_check, "MEMORY", 30 * MEGABYTE)
    slots = (slot("10.yaml", FINE), slot("20.yaml", content, FINE))
    verdict = await check_in_child(CheckRequest(slots, CONTEXT))
    assert verdict.chosen == {"10.yaml": "wanted", "20.yaml": "good"}
    (problem,) = verdict.problems["20.yaml"]
    assert message in problem


async def test_as_much_hostile_content_as_one_likes_stays_within_the_limit(slot):
    many = ",".join(f"item{number}" for number in range(90_000))
    slots = tuple(
        slot(f"{number:02}.yaml", f"- list: l{number}\n  items: [{many}]\n") for number in range(8)
    )
    verdict = await check_in_child(CheckRequest((*slots, slot("99.yaml", FINE)), CONTEXT))
    chosen = [verdict.chosen[f"{number:02}.yaml"] for number in range(8)]
    assert chosen == ["wanted"] * 2 + ["none"] * 6
    assert verdict.chosen["99.yaml"] == "wanted"


async def test_a_file_that_is_gone_falls_back(slot, tmp_path):
    gone = CheckedSlot("a", "rules", "10.yaml", CheckedVersion(path=str(tmp_path / "gone")))
    verdict = await check_in_child(CheckRequest((gone, slot("20.yaml", FINE)), CONTEXT))
    assert verdict.chosen == {"a": "none", "20.yaml": "wanted"}
    assert verdict.problems["a"] == ("the file cannot be read: No such file or directory",)


async def test_a_check_that_runs_out_of_memory_has_failed(slot, monkeypatch):
    monkeypatch.setattr(sidecar.check.node_check, "MEMORY", 30 * MEGABYTE)
    many = ",".join(f"item{number}" for number in range(90_000))
    with pytest.raises(CheckFailed, match="needed more than 30 MiB of memory"):
        await check_in_child(
            CheckRequest((slot("10.yaml", f"- list: l\n  items: [{many}]\n"),), CONTEXT)
        )


async def test_a_check_that_takes_too_long_has_failed(slot, monkeypatch):
    monkeypatch.setattr(sidecar.check.node_check, "SECONDS", 0.01)
    with pytest.raises(CheckFailed, match="took longer than"):
        await check_in_child(CheckRequest((slot("10.yaml", FINE * 1000),), CONTEXT))
