"""An answer as text and as items of a List."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.observed.cells import State
from cli.output.items import unread_item
from cli.output.printable import printable
from cli.output.style import Style, styled
from cli.output.table import table
from cli.output.words import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.why.answer import Answer, Standing
    from cli.why.files import File
    from cli.why.steps import Step


def text_of(answer: Answer, unread: Iterable[str]) -> str:
    """The whole text."""
    paragraphs = [
        _steps(answer),
        *map(_standing, answer.files),
        _elsewhere(answer),
        "".join(f"{printable(note)}\n" for note in answer.notes),
        "".join(f"? {text}\n" for text in unread),
    ]
    told = "\n".join(filter(None, paragraphs))
    return told or f"Nothing here has a rule, macro or list {printable(answer.question)}.\n"


def items(answer: Answer, unread: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Steps, files, files that are not at hand, notes, and what could not be read."""
    yield from map(_step_item, answer.steps)
    yield from map(_file_item, answer.files)
    for file in answer.elsewhere:
        yield {"kind": "NotAtHand", **_head(file)}
    for note in answer.notes:
        yield {"kind": "Note", "text": note}
    for text in unread:
        yield unread_item(text)


def _steps(answer: Answer) -> str:
    lines = [
        [f"{step.file.path}:{step.line}", _name(step.file), printable(f"{step.does} {step.kind}")]
        for step in answer.steps
    ]
    return table(["FILE", "ARTIFACT", "DOES"], lines)


def _standing(one: Standing) -> str:
    file = one.file
    lines = [
        (file.path, ""),
        ("from", f"{_name(file)} in namespace {file.artifact.meta.ref.namespace}"),
        ("source", file.origin),
        ("entry", file.entry),
        ("digest", file.digest),
        ("revision", file.artifact.subject.revision),
        ("pods", _counts(one)),
        *(("  differs", text) for text in _differs(one)),
        *(("then", text) for text in one.overridden),
        ("but", one.note),
    ]
    head, *rest = lines
    told = "".join(f"    {name}: {printable(value)}\n" for name, value in rest if value)
    return f"{styled(head[0], Style.GOOD)}\n{told}"


def _counts(one: Standing) -> str:
    counts = one.row.counts
    return ", ".join(f"{state.value} {counts[state]}" for state in State if counts.get(state))


def _differs(one: Standing) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for cell in one.cells:
        groups.setdefault((cell.state.value, cell.why), []).append(cell.pod.node)
    told = []
    for (state, why), nodes in groups.items():
        stays = "; the version before stays there, if there was one" * (state != "INSTALLED")
        told.append(f"{state} on {named(sorted(nodes))}{f': {why}' if why else ''}{stays}")
    return told


def _elsewhere(answer: Answer) -> str:
    if not answer.elsewhere:
        return ""
    files = "".join(f"    {file.path} ({_where(file)})\n" for file in answer.elsewhere)
    return f"These may say something about it, and their content is not at hand:\n{files}"


def _where(file: File) -> str:
    digest = f"@{file.digest}" if file.digest and file.digest not in file.origin else ""
    return printable(f"{_name(file)}, {file.origin}{digest}")


def _name(file: File) -> str:
    ref = file.artifact.meta.ref
    return f"{ref.kind}/{ref.name}"


def _head(file: File) -> dict[str, Any]:
    return {
        "path": file.path,
        "artifact": str(file.artifact.meta.ref),
        "source": file.origin,
        "digest": file.digest,
        "revision": file.artifact.subject.revision,
    }


def _step_item(step: Step) -> dict[str, Any]:
    return {
        "kind": "Step",
        "path": step.file.path,
        "line": step.line,
        "artifact": str(step.file.artifact.meta.ref),
        "does": step.does,
        "what": step.kind,
        "name": step.name,
    }


def _file_item(one: Standing) -> dict[str, Any]:
    return {
        "kind": "File",
        **_head(one.file),
        "entry": one.file.entry,
        "pods": {state.value: count for state, count in one.row.counts.items() if count},
        "different": [
            {
                "pod": cell.pod.meta.ref.name,
                "node": cell.pod.node,
                "state": cell.state.value,
                "why": cell.why,
            }
            for cell in one.cells
        ],
        "overriddenBy": list(one.overridden),
        "note": one.note,
    }
