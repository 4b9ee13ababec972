"""Files that cannot be read are said; what is too large is not read whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cli.analyze.contents import Contents
from cli.analyze.files import read_files
from cli.analyze.manifests import MOST_BYTES
from cli.failure import Failure

# Root may read everything, so somebody else has to try.
AS_NOBODY = """
import os, sys
from cli.analyze.files import read_files
from cli.failure import Failure
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    print([file for file, _ in read_files(sys.argv[1:])])
except Failure as error:
    print(error.message)
"""


@pytest.mark.parametrize("mode", [0o000, 0o444], ids=["unreadable", "without the right to enter"])
def test_a_directory_that_cannot_be_read_is_not_passed_over(mode):
    with TemporaryDirectory() as made:  # which everybody may enter, unlike those of pytest
        Path(made).chmod(0o755)
        below = Path(made, "shut")
        below.mkdir()
        (below / "a.yaml").write_text("a: b\n")
        below.chmod(mode)
        command = [sys.executable, "-c", AS_NOBODY, made]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        below.chmod(0o755)
    assert ended.stdout.startswith(str(below))
    assert ended.stdout.endswith("cannot be read: Permission denied\n")


def test_links_in_a_circle_and_what_is_no_file_are_passed_over(tmp_path):
    (tmp_path / "a.yaml").write_text("a: b\n")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / "directory.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    assert list(read_files([str(tmp_path)])) == [(str(tmp_path / "a.yaml"), b"a: b\n")]


@pytest.mark.parametrize("path", ["", "x" * 5000, "/nowhere.yaml"])
def test_a_name_that_is_no_file_s_is_a_sentence(path):
    with pytest.raises(Failure):
        list(read_files([path]))


def test_a_file_without_end_is_read_in_part():
    ((_, text),) = read_files(["/dev/zero"])
    assert len(text) == MOST_BYTES + 1


def test_rules_and_manifests_that_are_too_large_are_a_finding():
    for start in (b"- list: a\n", b"kind: Rulesfile\n"):
        contents = Contents()
        contents.add("a.yaml", start + b"#" * MOST_BYTES)
        assert [one.code.name for one in contents.findings] == ["FAL0001"]


def test_a_closed_standard_input_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failure, match="no standard input"):
        list(read_files(["-"]))
