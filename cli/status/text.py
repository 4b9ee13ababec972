"""A diagnosis as text: tables of what there is, then what is wrong; little when all is well."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

import click

from cli.observed.cells import State
from cli.output.printable import printable
from cli.output.severity import Severity
from cli.output.style import Style, styled
from cli.output.table import table
from cli.output.words import counted, named
from cli.status.document import codes_of
from cli.status.of_resources import is_underway

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cli.observed.cells import Row
    from cli.observed.facts import Artifact, Instance
    from cli.status.codes import Code
    from cli.status.diagnosis import Diagnosis
    from cli.status.finding import Finding
    from resources.kubernetes.reference import ObjectRef

_STYLES = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.DOUBTFUL, Severity.INFO: Style.FAINT}
_SIGNS = {Severity.ERROR: "\N{MULTIPLICATION SIGN}", Severity.WARNING: "‼", Severity.INFO: "·"}
# Artifacts beyond that number are counted if nothing is to be said of them.
_MOST_ROWS = 20
_MOST_GROUPS = 20
_MOST_OF_CODE = 20
_LONGEST, _LEAST = 90, 12
_LONGEST_CAUSE = 600


def text_of(diagnosis: Diagnosis, unread: Sequence[str], *, is_wide: bool, width: int = 0) -> str:
    """The whole text; `is_wide` gives the tables a column with the namespace.

    `width` is that of the terminal, 0 if there is none.
    """
    codes = codes_of(diagnosis)
    paragraphs = [
        _fitted(_instances(diagnosis.instances, codes, is_wide=is_wide), width),
        _fitted(_artifacts(diagnosis.rows, codes, is_wide=is_wide, width=width), width),
        _fitted(_different(diagnosis.rows, is_wide=is_wide), width),
        *_findings(_heavy(diagnosis.findings), width),
        "".join(_notes(_light(diagnosis.findings))),
        "".join(f"? {text}\n" for text in unread),
        summary(diagnosis, unread),
    ]
    return "\n".join(filter(None, paragraphs))


def summary(diagnosis: Diagnosis, unread: Sequence[str]) -> str:
    """What it comes to, in one line."""
    severities = [one.code.severity for one in diagnosis.findings]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    parts = [counted(errors, "error"), counted(warnings, "warning")]
    told = ", ".join(filter(None, parts))
    if told:
        return f"{told}\n"
    if not diagnosis.instances and not diagnosis.rows and not unread:
        return "There is nothing of Falco's here.\n"
    if underway := diagnosis.underway:
        return f"Nothing is wrong, but not all is there yet: {named(map(str, underway))}\n"
    if unread:
        return "Nothing is wrong with what could be read.\n"
    return styled("All is well.", Style.GOOD) + "\n"


def _instances(
    instances: Iterable[Instance], codes: Mapping[ObjectRef, list[str]], *, is_wide: bool
) -> str:
    lines = []
    for one in instances:
        ref = one.meta.ref
        pods = f"{_number(one.available)}/{_number(one.desired)}"
        cells = [
            _name(ref),
            printable(one.workload),
            _short(one.version),
            pods,
            _stands(one, codes),
        ]
        lines.append([*([ref.namespace] if is_wide else []), *cells])
    return table(_columns(is_wide, "NAME", "TYPE", "VERSION", "PODS", "STATE"), lines)


def _artifacts(
    rows: Sequence[Row], codes: Mapping[ObjectRef, list[str]], *, is_wide: bool, width: int
) -> str:
    lines, well = [], 0
    for row in rows:
        ref = row.artifact.meta.ref
        if len(rows) > _MOST_ROWS and not row.different and ref not in codes:
            well += 1
            continue
        name = [*([ref.namespace] if is_wide else []), _name(ref)]
        cells = [_short(row.artifact.source), _counts(row), _stands(row.artifact, codes)]
        lines.append([*name, *cells])
    columns = _columns(is_wide, "ARTIFACT", "SOURCE", "PODS", "STATE")
    told = table(columns, lines)
    # The address of a registry gives way to what is said of the pods.
    excess = max(map(len, click.unstyle(told).splitlines()), default=0) - width if width else 0
    if excess > 0:
        at = columns.index("SOURCE")
        most = max(_LEAST, max(len(line[at]) for line in lines) - excess)
        told = table(
            columns, ([*line[:at], _short(line[at], most), *line[at + 1 :]] for line in lines)
        )
    if well:
        other = "other " if lines else ""
        told += f"{counted(well, f'{other}artifact')} as wanted on all pods\n"
    return told


def _different(rows: Iterable[Row], *, is_wide: bool) -> str:
    """The pods that differ; artifacts with the same to be said of the same nodes on one line."""
    by_reason: dict[tuple[ObjectRef, State, str], list[str]] = {}
    for row in rows:
        for cell in row.different:
            key = (row.artifact.meta.ref, cell.state, cell.why)
            by_reason.setdefault(key, []).append(cell.pod.node)
    groups: dict[tuple[str, State, str, tuple[str, ...]], list[str]] = {}
    for (ref, state, why), nodes in by_reason.items():
        together = (ref.namespace, state, why, tuple(nodes))
        groups.setdefault(together, []).append(_name(ref))
    lines = [
        [
            *([namespace] if is_wide else []),
            named(names),
            styled(state.value, Style.BAD if state is State.FAILED else Style.DOUBTFUL),
            printable(named(sorted(nodes))),
            _short(why),
        ]
        for (namespace, state, why, nodes), names in list(groups.items())[:_MOST_GROUPS]
    ]
    told = table(_columns(is_wide, "ARTIFACT", "IS", "ON", "WHY"), lines)
    rest = len(groups) - len(lines)
    return f"{told}and {rest} lines more: see -o json\n" if rest > 0 else told


def _findings(findings: Iterable[Finding], width: int) -> Iterator[str]:
    """The findings; of a code that a thousand pods have, each with its own words, the first."""
    for code, alike in groupby(findings, key=lambda one: one.code):
        every = list(alike)
        yield from (_finding(one, width) for one in every[:_MOST_OF_CODE])
        yield _rest(code, len(every))


def _notes(findings: Iterable[Finding]) -> Iterator[str]:
    for code, alike in groupby(findings, key=lambda one: one.code):
        every = list(alike)
        yield from map(_note, every[:_MOST_OF_CODE])
        yield _rest(code, len(every))


def _rest(code: Code, count: int) -> str:
    more = count - _MOST_OF_CODE
    return f"and {more} more of {code.name}: see -o json\n" if more > 0 else ""


def _finding(one: Finding, width: int) -> str:
    severity = one.code.severity
    head = styled(f"{_SIGNS[severity]} {one.code.name} {one.code.title}", _STYLES[severity])
    chain = printable(" → ".join(map(str, one.chain)))
    more = f" and {len(one.others)} more" if one.others else ""
    cause = one.cause if len(one.cause) <= _LONGEST_CAUSE else f"{one.cause[:_LONGEST_CAUSE]}…"
    lines = [f"{chain}{more}", f"cause: {cause}", f"do: {one.remedy}", f"see: {one.code.link}"]
    return f"{head}\n" + "".join(f"{_indented(line, width)}\n" for line in lines)


def _indented(line: str, width: int) -> str:
    if not width:
        return f"    {line}"
    return textwrap.fill(
        line,
        width,
        initial_indent="    ",
        subsequent_indent="      ",
        break_long_words=False,  # a link, or a word of a command
        break_on_hyphens=False,
    )


def _fitted(text: str, width: int) -> str:
    """The lines cut to the width, where that cuts no colour."""
    lines = []
    for line in text.splitlines():
        excess = len(click.unstyle(line)) - width
        is_cut = width and excess > 0 and "\x1b" not in line[-excess - 1 :]
        lines.append(f"{line[: -excess - 1]}…" if is_cut else line)
    return "".join(f"{line}\n" for line in lines)


def _note(one: Finding) -> str:
    more = f" and {len(one.others)} more" if one.others else ""
    return f"· {one.code.name} {printable(str(one.subject))}{more}: {_short(one.cause)}\n"


def _heavy(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (one for one in findings if one.code.severity is not Severity.INFO)


def _light(findings: Iterable[Finding]) -> Iterator[Finding]:
    return (one for one in findings if one.code.severity is Severity.INFO)


def _columns(is_wide: bool, *names: str) -> list[str]:
    return [*(["NAMESPACE"] if is_wide else []), *names]


def _name(ref: ObjectRef) -> str:
    return f"{ref.kind}/{ref.name}"


def _number(count: int | None) -> str:
    return "?" if count is None else str(count)


def _counts(row: Row) -> str:
    """How many pods have which state, such as `LOADED 3` or `LOADED 2, FAILED 1`."""
    parts = [f"{state.value} {row.counts[state]}" for state in State if row.counts.get(state)]
    return ", ".join(parts) or ("none" if row.is_known else "?")


def _stands(one: Instance | Artifact, codes: Mapping[ObjectRef, list[str]]) -> str:
    if told := codes.get(one.meta.ref):
        return styled(" ".join(told), Style.DOUBTFUL)
    return styled("under way", Style.DOUBTFUL) if is_underway(one) else styled("ok", Style.GOOD)


def _short(text: str, most: int = _LONGEST) -> str:
    told = printable(text)
    return told if len(told) <= most else f"{told[: most - 1]}…"
