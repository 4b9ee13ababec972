"""What a dry run of Falco answers: it takes a candidate, refuses it, or gives no answer.

    Error: /dir/50-03-r-inline.yaml: Invalid
    1 Errors:
    In rules content: (/dir/50-03-r-inline.yaml:0:0)
        rule 'One': (/dir/50-03-r-inline.yaml:0:2)
    ------
    …
    ------
    LOAD_ERR_COMPILE_CONDITION (Error compiling condition): filter_check called with …

So speaks Falco of a rules file. Of configuration and plugins it says one line, which seldom names a
file. A crash at a candidate is a refusal: it would end a running Falco as well.
"""

from __future__ import annotations

import re
import signal
from typing import NamedTuple

from resources.text.messages import shown, shown_unquoted

_ERROR = re.compile(r"^(?:Error: |.*Runtime error: )(.*)", re.MULTILINE)
_FILE = re.compile(r"(.*): Invalid")
_CODE = re.compile(r"^(LOAD_ERR_\w+) \([^)\n]*\): (.*)", re.MULTILINE)
_PLACE = re.compile(r"^ {4}(\w[^\n]*): \(([^\n]*):(\d+):\d+\)$", re.MULTILINE)
_PLUGIN = re.compile(r"cannot load plugin ([^\n]*?\.so[^\n:]*): |error in plugin (\S+?):? ")
# A shared library or file that this container lacks, and Falco's may have.
_ABSENT = re.compile(r"cannot open shared object file|error while loading shared libraries")
_NO_MEMORY = re.compile(r"bad_alloc|[Cc]annot allocate memory|out of memory")
_LONGEST = 300


class DryRun(NamedTuple):
    """How a dry run ended: its exit code, negative for a signal, None for a timeout; its output."""

    code: int | None
    output: str


class Refusal(NamedTuple):
    """Why Falco refuses a candidate; `file` is the path, and `plugin` the name, that it names."""

    text: str
    file: str = ""
    plugin: str = ""


class Crash(Refusal):
    """A candidate of which a running Falco would end."""

    __slots__ = ()


class NoAnswer(Exception):  # noqa: N818 - what it reports is a failure of the run, not of Falco
    """The dry run does not say whether Falco takes the candidate; the text says why."""


class DoesNotRun(NoAnswer):
    """This Falco gives no answer to its own configuration either, and so to no candidate."""


def refusal(run: DryRun) -> Refusal | None:
    """Why Falco refuses the candidate; None if it takes it.

    Raises:
        NoAnswer: the dry run was cut off, or lacks what Falco's own container may have.
    """
    if run.code == 0:
        return None
    if run.code is None:
        raise NoAnswer("the dry run of Falco took too long")
    if run.code == -signal.SIGKILL or _NO_MEMORY.search(run.output):
        raise NoAnswer("the dry run of Falco needed too much memory")
    if _ABSENT.search(run.output):
        raise NoAnswer(f"the dry run of Falco lacks a file: {_line(_error(run.output))}")
    if run.code in {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE}:
        name = signal.Signals(-run.code).name
        return Crash(f"Falco crashes of it ({name}){_said(run.output)}")
    error = _error(run.output)
    if run.code != 1 or not error:
        raise NoAnswer(f"the dry run of Falco ended with exit code {run.code}")
    return _of_rules(error, run.output) or _of_configuration(error)


def _of_rules(error: str, output: str) -> Refusal | None:
    """A refusal that names a rules file, the innermost named item, its line and the code."""
    file = _FILE.match(error)
    if file is None:
        return None
    rest = output[output.index(error) :]
    code = _CODE.search(rest)
    if code is None:
        return Refusal(f"Falco refuses the file: {_line(error)}", file[1])
    places = [place for place in _PLACE.finditer(rest, 0, code.start()) if place[2] == file[1]]
    where = f"{_item(places[0][1])} (line {int(places[-1][3]) + 1}): " if places else ""
    return Refusal(f"{where}Falco refuses it: {code[1]}: {_line(code[2])}", file[1])


def _of_configuration(error: str) -> Refusal:
    text = f"Falco refuses it: {_line(error.removesuffix('. Exiting.'))}"
    named = _PLUGIN.search(error)
    return Refusal(text, named[1] or "", named[2] or "") if named else Refusal(text)


def _item(label: str) -> str:
    """As in Falco's words, `rule 'One'`, with the foreign name quoted as everywhere."""
    kind, _, name = label.partition(" ")
    return f"{kind} {shown(name[1:-1])}" if name else kind


def _error(output: str) -> str:
    error = _ERROR.search(output)
    return error[1].strip() if error else ""


def _said(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return f": {_line(lines[-1])}" if lines and "JSON value" in lines[-1] else ""


def _line(text: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST else shown_unquoted(text)
