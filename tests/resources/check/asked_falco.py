"""What a real Falco says to files, by a dry run, beside what our own check says to the same."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from resources.check.check_request import Context
from resources.configuration.base import base_config
from tests.resources.check.nodes import Node

CONTEXT = Context(
    engine_version="0.62.0",
    falco_version="0.44.1",
    workload="Deployment",
    foreign_libraries=("libjson.so",),
)
PLAIN = "- rule: One\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: NOTICE\n"
_RELATIVE = re.compile(r"(library_path: )(?:\./|\.\./plugins/)?(\w+\.so)")
_UNUSED = re.compile(r"LOAD_UNUSED_\w+")
_WARNINGS = ("schema validation: failed", "LOAD_", "warning (base")


class Files(NamedTuple):
    """A fragment, and rules files in the order in which Falco loads them."""

    fragment: str = ""
    rules: tuple[str, ...] = (PLAIN,)


class Answer(NamedTuple):
    """`kind` is takes, warns, exits or crashes."""

    kind: str
    text: str

    @property
    def refuses(self):
        return self.kind in {"exits", "crashes"}


def asked(files, image, work):
    """The answer of the Falco whose image's files are in a directory; `work` is empty."""
    for name in ("config.d", "rules.d"):
        (work / name).mkdir()
    plugins = "/usr/share/falco/plugins"
    fragment = _RELATIVE.sub(rf"\1{plugins}/\2", files.fragment)
    fragment = fragment.replace(plugins, f"{image}{plugins}")
    if fragment:
        (work / "config.d/50-03-a-inline.yaml").write_bytes(fragment.encode())
    for number, text in enumerate(files.rules):
        (work / f"rules.d/5{number}-03-r-inline.yaml").write_bytes(text.encode())
    base = base_config("Deployment", CONTEXT.falco_version).replace("/etc/falco", str(work))
    (work / "falco.yaml").write_text(base)
    done = subprocess.run(
        [str(Path(image) / "usr/bin/falco"), "--dry-run", "-c", str(work / "falco.yaml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=work,
        env={"LD_LIBRARY_PATH": f"{image}/usr/lib", "PATH": os.environ["PATH"]},
        timeout=60,
        check=False,
    )
    text = done.stdout.decode(errors="replace").replace(str(work), "/etc/falco")
    text = text.replace(f"{image}{plugins}", plugins)
    if done.returncode:
        return Answer("exits" if done.returncode > 0 else "crashes", text)
    # Falco knows of one file at a time, so that it warns of what a later file uses.
    told = _UNUSED.sub("", text) if len(files.rules) > 1 else text
    return Answer("warns" if any(word in told for word in _WARNINGS) else "takes", text)


def checked(files):
    """Problems and warnings of our own check."""
    node = Node(CONTEXT)
    if files.fragment:
        node.config("50-03-a-inline.yaml", files.fragment)
    for number, text in enumerate(files.rules):
        node.rules(f"5{number}-03-r-inline.yaml", text)
    verdict = node.check()
    problems = [text for texts in verdict.problems.values() for text in texts]
    return problems, [text for texts in verdict.warnings.values() for text in texts]
