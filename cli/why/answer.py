"""The answer to a question about a file or a name: which files, what they do, where they are."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from cli.observed.cells import Row, State, rows
from cli.why.steps import of_name, overriding, taken_names
from resources.node.files import Directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cli.observed.cells import Cell
    from cli.observed.facts import Observation, Pod
    from cli.why.files import File
    from cli.why.steps import Step

_LIKE_A_FILE = re.compile(r".*(?:/|\.ya?ml|\.so)$|.*/.*")
_OUR_NAME = re.compile(
    r"(?P<priority>\d\d)-\d\d-(?P<name>.+)-(?P<medium>oci|configmap|inline)\.yaml"
)
_GOOD = frozenset({State.LOADED, State.INSTALLED, State.NOT_SELECTED})


class Outcome(Enum):
    """What the answer comes to, as exit codes say it."""

    KNOWN = 0
    """Where it comes from, and it is on every pod that is to have it."""
    WRONG = 1
    """It is known, and not everywhere as it should be, or nothing has it."""
    UNKNOWN = 2
    """It may be in what is not at hand."""


class Standing(NamedTuple):
    """A file, where it is, what overrides it, and what keeps it from having the last word."""

    file: File
    row: Row
    overridden: tuple[str, ...] = ()
    note: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The pods on which it is not as on most."""
        return self.row.different


class Answer(NamedTuple):
    """What is known of a question.

    `steps` are those of a name, in the order of loading. `elsewhere` are files whose content is not
    at hand and may matter.
    """

    question: str
    files: tuple[Standing, ...] = ()
    steps: tuple[Step, ...] = ()
    elsewhere: tuple[File, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        if not self.files:
            return Outcome.UNKNOWN if self.elsewhere else Outcome.WRONG
        states = {state for one in self.files for state, count in one.row.counts.items() if count}
        is_taken = any(one.note for one in self.files)
        return Outcome.WRONG if states - _GOOD or is_taken else Outcome.KNOWN


def answered(question: str, files: Sequence[File], observed: Observation, node: str = "") -> Answer:
    """The answer, of all nodes or of one."""
    places = _Places(files, observed, node)
    if found := [file for file in files if _is_called(file, question)]:
        return Answer(question, tuple(places.of(file, _near(files, file)) for file in found))
    steps = of_name(files, question)
    if not steps and _LIKE_A_FILE.fullmatch(question):
        return Answer(question, notes=tuple(_unknown_file(question)))
    touched = {id(step.file) for step in steps}
    own = [file for file in files if id(file) in touched]
    elsewhere = tuple(file for file in files if _is_elsewhere(file, own))
    return Answer(question, tuple(map(places.of, own)), tuple(steps), elsewhere)


class _Places:
    """Where the files are."""

    def __init__(self, files: Iterable[File], observed: Observation, node: str) -> None:
        artifacts = {file.artifact.meta.ref: file.artifact for file in files}
        self._rows: dict[object, Row] = {}
        for namespace in {ref.namespace for ref in artifacts}:
            asked = observed.pods if observed.has_reports else ()
            pods = [pod for pod in asked if _counts(pod, namespace, node)]
            members = [one for ref, one in artifacts.items() if ref.namespace == namespace]
            for row in rows(members, pods, observed.reports, observed.nodes or {}):
                self._rows[row.artifact.meta.ref] = row

    def of(self, file: File, others: Sequence[File] = ()) -> Standing:
        """The standing of a file; `others` are all that may override it."""
        row = self._rows[file.artifact.meta.ref]
        return Standing(file, row, tuple(overriding(others, file)), _taken(file, others))


def _counts(pod: Pod, namespace: str, node: str) -> bool:
    is_there = pod.owner.kind == "Falco" and bool(pod.node) and not pod.meta.deleted
    return is_there and pod.meta.ref.namespace == namespace and node in {"", pod.node}


def _is_called(file: File, question: str) -> bool:
    """Whether a question names a file: by its name, or by the end of its path."""
    path, asked = PurePosixPath(file.path), PurePosixPath(question)
    return path.parts[-len(asked.parts) :] == asked.parts or file.path == question


def _near(files: Iterable[File], file: File) -> list[File]:
    """The files of the same namespace."""
    space = file.artifact.meta.ref.namespace
    return [one for one in files if one.artifact.meta.ref.namespace == space]


def _taken(file: File, others: Iterable[File]) -> str:
    """What a Plugin lacks the name for; empty for any other file."""
    if not file.entry:
        return ""
    holder = taken_names(others).get(file.artifact.meta.ref.name, "")
    return f"the plugin name {file.entry} is taken by the older Plugin {holder}" if holder else ""


def _is_elsewhere(file: File, own: Sequence[File]) -> bool:
    """Whether a file's content is not at hand, in a namespace that matters."""
    spaces = {one.artifact.meta.ref.namespace for one in own}
    is_rules = file.place.directory is Directory.RULES
    is_near = not spaces or file.artifact.meta.ref.namespace in spaces
    return is_rules and file.content is None and is_near


def _unknown_file(question: str) -> Iterable[str]:
    name = PurePosixPath(question).name
    if name == "falco.yaml":
        yield (
            "falco.yaml is the base configuration that the operator makes of a Falco: the "
            "ConfigMap with the name of the Falco has it, files in config.d go over it"
        )
        return
    yield f"no artifact here becomes a file {name}"
    known = _OUR_NAME.fullmatch(name)
    if known is not None:
        yield (
            f"by its name it would be of an artifact {known['name']} with priority "
            f"{int(known['priority'])}, and its source {known['medium']}"
        )
