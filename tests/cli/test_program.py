"""`kubectl falco` as its users call it: the installed program, its output and its exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cli.analyze import findings as codes
from tests.cli.analyze.test_analysis import BAD_RULE, RULE, inline

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent / "kubectl-falco"
COMPLETE = PROGRAM.with_name("kubectl_complete-falco")
RENDER = (str(PROGRAM), "render", "-f", "examples/quickstart.yaml")


def run(*arguments, text="", program=PROGRAM):
    return subprocess.run(
        [program, *arguments], input=text, capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.fixture
def directory(tmp_path):
    """A sound file, a bad one, and one that is none of ours."""
    (tmp_path / "below").mkdir()
    (tmp_path / "good.yaml").write_text(RULE)
    (tmp_path / "below" / "bad.yml").write_text(inline(BAD_RULE))
    (tmp_path / "values.yaml").write_text("log_level: loud\n")
    return tmp_path


def test_all_files_of_a_directory_are_checked(directory):
    ended = run("analyze", "-f", directory)
    where = directory / "below" / "bad.yml"
    assert ended.returncode == 1
    assert ended.stdout == (
        f'{where}:7: error FAL0101: Rulesfile/default/mine: rule "A shell" (line 7): key condition:'
        ' there is no field "proc.nmae"\n'
    )
    assert ended.stderr == "2 checked: 1 error\n"


def test_little_is_said_when_all_is_well():
    ended = run("analyze", "-f", "-", text=RULE)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "1 checked: all is well\n")


def test_the_examples_of_the_repository_are_well():
    ended = run("analyze", "-f", "examples", "--suppress", "FAL0302", "--failure-threshold", "info")
    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--failure-threshold", "none"), 0),
        (("--failure-threshold", "info"), 1),
        (("--suppress", "FAL0101"), 0),
        (("--suppress", "FAL0102"), 1),
        (("--suppress", "FAL9999"), 2),
        (("--falco-version", "0.40.0"), 1),
        (("-f", "nowhere.yaml"), 2),
        (("--nonsense",), 2),
    ],
)
def test_the_exit_code_says_fine_found_or_could_not_tell(directory, arguments, code):
    ended = run("analyze", "-f", directory, *arguments)
    assert ended.returncode == code
    if code == 2:
        assert "Traceback" not in ended.stderr


def test_json_is_a_list_with_all_that_the_text_says(directory):
    told = json.loads(run("analyze", "-f", directory, "-o", "json").stdout)
    assert (told["kind"], told["checked"]) == ("AnalysisList", 2)
    [item] = told["items"]
    assert item == {
        "kind": "Finding",
        "code": "FAL0101",
        "severity": "error",
        "title": codes.RULES_REFUSED.title,
        "object": "Rulesfile/default/mine",
        "message": 'rule "A shell" (line 7): key condition: there is no field "proc.nmae"',
        "hint": "",
        "docs": codes.RULES_REFUSED.link,
        "file": f"{directory}/below/bad.yml",
        "line": 7,
    }


def test_sarif_names_the_rule_and_the_line(directory):
    sarif = json.loads(run("analyze", "-f", directory, "-o", "sarif").stdout)
    [ran] = sarif["runs"]
    [result] = ran["results"]
    rule = ran["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (sarif["version"], rule["id"], result["ruleId"]) == ("2.1.0", "FAL0101", "FAL0101")
    [location] = result["locations"]
    assert location["physicalLocation"]["region"] == {"startLine": 7}


def test_a_name_in_sarif_is_a_uri(tmp_path):
    (tmp_path / "a b#1.yaml").write_text(inline(BAD_RULE))
    [ran] = json.loads(run("analyze", "-f", tmp_path, "-o", "sarif").stdout)["runs"]
    [location] = ran["results"][0]["locations"]
    name = location["physicalLocation"]["artifactLocation"]["uri"]
    assert name == f"{tmp_path}/a%20b%231.yaml"


def test_annotations_of_github_hold_no_line_break_and_no_separator(tmp_path):
    path = tmp_path / "a,b:c.yaml"
    path.write_text(BAD_RULE.replace("A shell", "100% a shell", 1))
    told = run("analyze", "-f", path, "-o", "github").stdout
    assert re.fullmatch(r"::error file=[^,:]*a%2Cb%3Ac.yaml,line=1,title=FAL0101::.*\n", told)
    assert "100%25" in told


def test_render_writes_what_the_operator_makes():
    ended = run("render", "-f", "examples/quickstart.yaml", "--sidecar-image", "example.org/s:1")
    assert ended.returncode == 0
    objects = {one["kind"]: one for one in yaml.safe_load_all(ended.stdout)}
    assert set(objects) >= {"ServiceAccount", "Role", "Service", "ConfigMap", "DaemonSet"}
    pod = objects["DaemonSet"]["spec"]["template"]["spec"]
    images = [one["image"] for one in (*pod["initContainers"], *pod["containers"])]
    assert "example.org/s:1" in images
    assert "docker.io/falcosecurity/falco:0.44.1" in images


def test_a_pipe_that_nobody_reads_is_no_finding_and_no_bug():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ended = subprocess.run(
            RENDER, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
    assert (ended.returncode, ended.stderr) == (141, "")


def test_an_output_that_cannot_be_written_is_a_sentence(tmp_path):
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            RENDER, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
    assert ended.returncode == 2
    assert ended.stderr == "Error: the output cannot be written: No space left on device\n"
    ended = run("trace", "--perfetto", tmp_path / "a" / "b", "gate", "--server", "http://[::1]:1")
    assert ended.returncode == 2


NAMELESS = """\
apiVersion: instance.falcosecurity.dev/v1alpha1
kind: Falco
metadata: {name: mine}
spec: {podTemplateSpec: {spec: {containers: [{image: x}]}}}
"""


def test_a_pod_template_that_the_api_server_has_not_checked_is_a_finding():
    ended = run("analyze", "-f", "-", text=NAMELESS)
    assert ended.returncode == 1
    assert ended.stdout.startswith("-:1: error FAL0002: Falco/default/mine: spec.podTemplateSpec: ")


def test_where_nothing_of_falco_is_all_is_not_well():
    ended = run("analyze", "-f", "-", text="a: b\n")
    assert (ended.returncode, ended.stderr) == (0, "0 checked: nothing of Falco's is there\n")


@pytest.mark.parametrize("text", [RULE, "", "apiVersion: [\n", NAMELESS])
def test_what_cannot_be_rendered_is_said_in_a_sentence(text):
    ended = run("render", "-f", "-", text=text)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Error: ")
    assert "Traceback" not in ended.stderr


def test_kubectl_completes_commands_and_flags():
    assert run("an", program=COMPLETE).stdout == "analyze\n:4\n"
    assert "--falco-version\n" in run("analyze", "--f", program=COMPLETE).stdout
    assert run("analyze", "-f", "", program=COMPLETE).stdout == ":0\n"


def test_the_programs_of_the_pods_import_none_of_it():
    probe = (
        "import sys, sidecar.operator, supervisors.operator\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('cli', 'click', 'rich')])"
    )
    ended = run("-c", probe, program=sys.executable)
    assert ended.stdout == "[]\n"


def test_every_code_is_explained_in_the_docs():
    page = (ROOT / "docs" / "cli.md").read_text()
    for code in codes.CODES:
        assert f"### {code.name}\n" in page
        assert code.title in page
