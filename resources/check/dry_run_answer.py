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

Of what it takes, Falco warns in its log: `…: /dir/50-03-r-inline.yaml: Ok, with warnings` and items
as above, `…:   /dir/c-inline.yaml | schema validation: failed for …`, or a line without file.
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, NamedTuple

from resources.text.messages import shown, shown_unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERROR = re.compile(r"^(?:Error: |.*Runtime error: )(.*)", re.MULTILINE)
_FILE = re.compile(r"(.*): Invalid")
_CODE = re.compile(r"^(LOAD_ERR_\w+) \([^)\n]*\): (.*)", re.MULTILINE)
_PLACE = re.compile(r"^ {4}(\w[^\n]*): \(([^\n]*):(\d+):\d+\)$", re.MULTILINE)
_TIME = r"^\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}: "
_WARNED_FILE = re.compile(_TIME + r"(/[^\n]*): Ok, with warnings$", re.MULTILINE)
_WARNING = re.compile(r"^(LOAD_(?!ERR_)\w+) \([^)\n]*\): (.*)", re.MULTILINE)
_SCHEMA = re.compile(_TIME + r" +(/[^\n]*) \| (schema validation: failed [^\n]*)", re.MULTILINE)
_LINE = re.compile(_TIME + r"([^\n]*(?:[Ww]arning|WARNING|[Dd]eprecated)[^\n]*)", re.MULTILINE)
_NEXT = re.compile(_TIME, re.MULTILINE)
_PLUGIN = re.compile(r"cannot load plugin ([^\n]*?\.so[^\n:]*): |error in plugin (\S+?):? ")
# A shared library or file that this container lacks, and Falco's may have.
_ABSENT = re.compile(
    r"error while loading shared libraries|([^\s:]+): cannot open shared object file"
)
# What a plugin misses in a dry run at its initialisation, and may find in Falco's container.
_MISSED = re.compile(
    r"address family not supported|no such host|name resolution|resolve host|"
    r"no such file or directory|permission denied|operation not permitted",
    re.IGNORECASE,
)
_NO_MEMORY = re.compile(r"bad_alloc|[Cc]annot allocate memory|out of memory")
_LONGEST = 300
_MOST_WARNINGS = 100


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


class FalcoWarning(NamedTuple):
    """What Falco says of a file that it takes; `file` is the path, empty if it names none."""

    text: str
    file: str = ""


class Taken(NamedTuple):
    """Falco takes a candidate; `is_silent`: its log may keep warnings to itself."""

    warnings: tuple[FalcoWarning, ...] = ()
    is_silent: bool = False


class NoAnswer(Exception):  # noqa: N818 - what it reports is a failure of the run, not of Falco
    """The dry run does not say whether Falco takes the candidate; the text says why."""


class Lacks(NoAnswer):
    """A library is not here; `path` is its path or name, and Falco's container may have it."""

    def __init__(self, text: str, path: str, error: str) -> None:
        super().__init__(text)
        self.path = path
        self.refusal = _of_configuration(error)


class DoesNotRun(NoAnswer):
    """This Falco gives no answer to its own configuration either, and so to no candidate."""


def answer(run: DryRun) -> Refusal | Taken:
    """Why Falco refuses the candidate, or that it takes it.

    Raises:
        NoAnswer: the dry run was cut off, or lacks what Falco's own container may have.
    """
    if run.code == 0:
        return Taken(_warnings(run.output), "Loading rules from" not in run.output)
    if run.code is None:
        raise NoAnswer("the dry run of Falco took too long")
    if run.code == -signal.SIGKILL or _NO_MEMORY.search(run.output):
        raise NoAnswer("the dry run of Falco needed too much memory")
    if absent := _ABSENT.search(run.output):
        error = _error(run.output)
        raise Lacks(f"the dry run of Falco lacks a file: {_line(error)}", absent[1] or "", error)
    if run.code in {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE}:
        name = signal.Signals(-run.code).name
        return Crash(f"Falco crashes of it ({name}){_said(run.output)}")
    error = _error(run.output)
    if run.code != 1 or not error:
        raise NoAnswer(f"the dry run of Falco ended with exit code {run.code}")
    if _PLUGIN.search(error) and _MISSED.search(error):
        raise NoAnswer(f"the dry run of Falco lacks what a plugin needs: {_line(error)}")
    return _of_rules(error, run.output) or _of_configuration(error)


def opens_no_file(run: DryRun) -> bool:
    """Whether it ended at a file that it was to write, as `metrics.output_file`.

    Falco opens that one in a dry run, too, and its own container may have the place.
    """
    return "basic_ios::clear: iostream error" in _error(run.output)


def _of_rules(error: str, output: str) -> Refusal | None:
    """A refusal that names a rules file, the innermost named item, its line and the code."""
    file = _FILE.match(error)
    if file is None:
        return None
    rest = output[output.index(error) :]
    code = _CODE.search(rest)
    if code is None:
        return Refusal(f"Falco refuses the file: {_line(error)}", file[1])
    where = _where(rest[: code.start()], file[1])
    return Refusal(f"{where}Falco refuses it: {code[1]}: {_line(code[2])}", file[1])


def _where(text: str, file: str) -> str:
    """The outermost item that the text names of a file, and the innermost line."""
    places = [place for place in _PLACE.finditer(text) if place[2] == file]
    return f"{_item(places[0][1])} (line {int(places[-1][3]) + 1}): " if places else ""


def _warnings(output: str) -> tuple[FalcoWarning, ...]:
    found = [
        *_of_items(output),
        *(
            FalcoWarning(f"Falco warns: {_line(schema[2])}", schema[1])
            for schema in _SCHEMA.finditer(output)
        ),
        *(
            FalcoWarning(f"Falco warns: {_line(line[1])}")
            for line in _LINE.finditer(output)
            if not _WARNED_FILE.match(line[0]) and not _SCHEMA.match(line[0])
        ),
    ]
    return tuple(dict.fromkeys(found))[:_MOST_WARNINGS]


def _of_items(output: str) -> Iterator[FalcoWarning]:
    """The warnings about items of rules files."""
    for named in _WARNED_FILE.finditer(output):
        following = _NEXT.search(output, named.end())
        block = output[named.end() : following.start() if following else len(output)]
        begin = 0
        for code in _WARNING.finditer(block):
            where = _where(block[begin : code.start()], named[1])
            yield FalcoWarning(f"{where}Falco warns: {code[1]}: {_line(code[2])}", named[1])
            begin = code.end()


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
