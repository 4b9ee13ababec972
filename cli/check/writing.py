"""The answers of all checks as text, and as values for programs."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from cli.check.facts import SEVERITIES, Level
from cli.output.items import finding_item, unread_item
from cli.output.printable import printable
from cli.output.style import Style, styled
from cli.output.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.check.facts import Check, Problem, Result

_SIGNS = {
    Level.GOOD: ("√", Style.GOOD),
    Level.UNREAD: ("?", Style.FAINT),
    Level.DOUBTFUL: ("‼", Style.DOUBTFUL),
    Level.BAD: ("×", Style.BAD),  # noqa: RUF001 - as `linkerd check` has it
}


def as_text(results: Sequence[Result]) -> str:
    """Every check below the name of its section, as `linkerd check` writes them."""
    parts = []
    for section, found in groupby(results, key=lambda one: one.check.section):
        parts.append(f"{section}\n{'-' * len(section)}\n{as_short(list(found), Level.GOOD)}")
    return "\n".join(parts)


def as_short(results: Sequence[Result], least: Level = Level.UNREAD) -> str:
    """The checks that end at this level or worse."""
    return "".join(_told(one) for one in results if one.level >= least)


def as_items(results: Sequence[Result]) -> list[dict[str, Any]]:
    """All that the text says: the checks, then what they have found, and what is not known."""
    checks = [
        {
            "kind": "Check",
            "code": one.check.code,
            "section": one.check.section,
            "title": one.check.title,
            "note": one.note,
            "level": one.level.word,
        }
        for one in results
    ]
    return [*checks, *(_item(one.check, each) for one in results for each in one.problems)]


def _item(check: Check, problem: Problem) -> dict[str, Any]:
    severity = SEVERITIES.get(problem.level)
    if severity is None:
        return unread_item(problem.text) | {"code": check.code}
    hint = problem.hint or check.hint
    return finding_item(check.code, severity, check.title, message=problem.text, hint=hint)


def summary(results: Sequence[Result]) -> str:
    """How many checks there were, and how many ended how."""
    levels = [one.level for one in results]
    parts = []
    for level, word in ((Level.BAD, "error"), (Level.DOUBTFUL, "warning")):
        parts.append(counted(levels.count(level), word))
    if count := levels.count(Level.UNREAD):
        parts.append(f"{count} not to be told")
    return f"{len(results)} checks: {', '.join(filter(None, parts)) or 'all is well'}"


def _told(result: Result) -> str:
    sign, style = _SIGNS[result.level]
    note = f" ({printable(result.note)})" if result.note else ""
    lines = [f"{styled(sign, style)} {result.check.title}{note}"]
    told = [problem for problem in result.problems if problem.level is not Level.UNREAD]
    for problem in result.problems:
        own, own_style = _SIGNS[problem.level]
        lines.append(f"    {styled(own, own_style)} {printable(problem.text)}")
        if problem.hint:
            lines.append(f"      → {printable(problem.hint)}")
    if any(not problem.hint for problem in told):
        lines.append(f"    → {result.check.hint}")
    if told:
        lines.append(f"    {result.check.code}: {result.check.link}")
    return "".join(f"{line}\n" for line in lines)
