"""The dry run on a candidate, against Falco run on files as they would be, on generated inputs."""

import itertools
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.check import exact
from resources.check.check_request import CheckedSlot, CheckedVersion, FalcoProgram
from resources.check.dry_run_answer import NoAnswer, Taken
from resources.configuration.base import base_config
from sidecar.check.dry_run import DryRuns
from tests.resources.check.asked_falco import CONTEXT
from tests.resources.check.test_falco_answers import LISTS, ROWS
from tests.resources.check.test_falco_answers import PLAIN as RULE

pytestmark = [
    pytest.mark.real_falco,
    pytest.mark.skipif(
        "FALCO_ROOT" not in os.environ,
        reason="FALCO_ROOT names no directory with a real Falco (README.md)",
    ),
]

FALCO = Path(os.environ.get("FALCO_ROOT", "/nonexistent"))
BASE = base_config("Deployment", "0.44.1")
PLAIN = {
    "rule": "One",
    "desc": "d",
    "condition": "evt.type = open",
    "output": "o",
    "priority": "NOTICE",
}
# Not those that name the directories of both runs.
FRAGMENT_KEYS = (
    sorted(
        key
        for key in yaml.safe_load((FALCO / "etc/falco/falco.yaml").read_text() or "{}")
        if key not in {"config_files", "rules_files"}
    )
    if "FALCO_ROOT" in os.environ
    else ["x"]
)
RULE_KEYS = [
    *("rule", "desc", "condition", "output", "priority", "source", "enabled", "tags", "exceptions"),
    *("warn_evttypes", "skip-if-unknown-filter", "append", "override", "capture", "unknown"),
    *("capture_duration", "list", "macro", "items", "required_engine_version"),
]
VALUES = st.recursive(
    st.sampled_from(
        [None, "", "x", "proc.name", "%proc.name", "a and", "WARN", True, 0, -1, 11, 1e99, "100%"]
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=2),
        st.dictionaries(
            st.sampled_from(["enabled", "kind", "name", "url", "fields", "condition", "interval"]),
            values,
            max_size=2,
        ),
    ),
    max_leaves=4,
)
FRAGMENTS = st.dictionaries(st.sampled_from(FRAGMENT_KEYS), VALUES, min_size=1, max_size=2)
ITEMS = st.lists(
    st.dictionaries(st.sampled_from(RULE_KEYS), VALUES, max_size=2).map(lambda new: PLAIN | new),
    min_size=1,
    max_size=2,
)
numbers = itertools.count()


def takes(root, files):
    """Whether Falco takes these files, by directory, without any of our ways."""
    base = BASE
    for directory, (name, content) in files.items():
        (root / directory).mkdir(parents=True)
        (root / directory / name).write_text(content)
        base = base.replace(f"/etc/falco/{directory}", str(root / directory))
    (root / "falco.yaml").write_text(base)
    command = [FALCO / "usr/bin/falco", "--dry-run", "-c", root / "falco.yaml"]
    environ = {"HOST_ROOT": "/", "LD_LIBRARY_PATH": str(FALCO / "usr/lib")}
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode == 0


def candidate(root, files):
    """The slots of these files, and the dry runs of the sidecar."""
    work = root / "work"
    work.mkdir()
    (root / "base.yaml").write_text(BASE)
    slots = []
    for directory, (name, content) in files.items():
        path = root / "etc/falco" / directory / "content"
        path.parent.mkdir(parents=True)
        path.write_text(content)
        kind = "config" if directory == "config.d" else "rules"
        slots.append(CheckedSlot(name, kind, name, CheckedVersion(str(path))))
    program = FalcoProgram(str(FALCO), str(root), str(root / "base.yaml"), {}, 60.0)
    return slots, DryRuns(program, CONTEXT, work)


def is_taken(root, files):
    """Whether the sidecar's dry run takes them; None without an answer."""
    slots, runs = candidate(root, files)
    try:
        return isinstance(runs.ask([(slot, slot.wanted) for slot in slots]), Taken)
    except NoAnswer:
        return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(fragment=FRAGMENTS, items=st.one_of(st.just([PLAIN]), ITEMS))
def test_a_dry_run_on_links_says_what_falco_says_of_the_files(tmp_path, fragment, items):
    files = {
        "config.d": ("50-03-a-inline.yaml", yaml.safe_dump(fragment)),
        "rules.d": ("50-03-r-inline.yaml", yaml.safe_dump(items)),
    }
    root = tmp_path / str(next(numbers))
    expected = takes(root / "falco", files)
    (root / "sidecar").mkdir()
    assert is_taken(root / "sidecar", files) is expected


@pytest.mark.parametrize(("answer", "where", "text"), ROWS)
def test_the_verdict_is_what_falco_answers(tmp_path, answer, where, text):
    files = {"rules.d": ("50-03-r-inline.yaml", RULE if where == "config" else text)}
    if where == "config":
        files["config.d"] = ("50-03-a-inline.yaml", text)
    files = {place: (name, text.replace("$LISTS", LISTS)) for place, (name, text) in files.items()}
    plugins = tmp_path / "usr/share/falco/plugins"
    plugins.mkdir(parents=True)
    (plugins / "libjson.so").symlink_to(FALCO / plugins.relative_to(tmp_path) / "libjson.so")
    slots, runs = candidate(tmp_path, files)
    verdict = exact.check(slots, CONTEXT, lambda path: Path(path).read_bytes(), runs.ask)
    assert verdict.unasked == ""
    assert bool(verdict.problems) is (answer in {"exits", "crashes"}), verdict
    warnings = [text for texts in verdict.warnings.values() for text in texts]
    assert answer != "warns" or any("Falco warns: " in text for text in warnings), warnings
