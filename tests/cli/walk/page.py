"""A page of docs whose commands are run, one after the other, and whose outputs are what they say.

The commands stand in blocks of `console`, each after `$ `; what follows until the next command is
its output. What differs from run to run (ages, digests, names that the API server made) is written
as `kubectl` would align it, but replaced by the same letters always.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROMPT = "$ "
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")


@dataclass
class Step:
    """One command and the output that the page shows."""

    command: str
    lines: list[str] = field(default_factory=list)

    @property
    def only_asks(self) -> bool:
        """Whether it can be repeated without any effect."""
        return self.command.startswith("kubectl falco ")

    @property
    def output(self) -> str:
        """What the page shows."""
        return "".join(f"{line}\n" for line in self.lines)


def pieces(page: str) -> Iterator[str | Step]:
    """The page as lines of prose and steps, in order."""
    language, step = None, None
    for line in page.splitlines():
        fence = _FENCE.match(line)
        if fence:
            language, step = (None if language is not None else fence["language"]), None
            yield line
        elif language == "console" and line.startswith(PROMPT):
            step = Step(line.removeprefix(PROMPT))
            yield step
        elif step is not None:
            step.lines.append(line)
        else:
            yield line


def written(page: str, outputs: Iterable[str]) -> str:
    """The page with these outputs of its steps."""
    lines, left = [], iter(outputs)
    for piece in list(pieces(page)):
        if isinstance(piece, Step):
            lines += [f"{PROMPT}{piece.command}", *next(left).splitlines()]
        else:
            lines.append(piece)
    return "".join(f"{line}\n" for line in lines)


class _Changing(NamedTuple):
    pattern: re.Pattern[str]
    instead: str


# Each with what stands for it in every output.
_CHANGING = tuple(
    _Changing(re.compile(pattern), instead)
    for pattern, instead in (
        (r"\b[0-9a-f]{64}\b", "DIGEST"),
        (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
        (r"\b\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?", "TIME"),
        (r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b", "TIME"),
        (r"\b[0-9a-f]{8}-\d+\b", "NUMBER"),
        (r"\bversion \d+\b", "VERSION"),
        (r"\b(falco|audit-[0-9a-f]{8,10})-[a-z0-9]{5}\b(?![-.])", r"\1-POD"),
        (r"\baudit-[0-9a-f]{8,10}-POD", "audit-POD"),
        (r"\b\d+(?:\.\d+)? ?(?:ms|s|min|m|h|d)\b", "SPAN"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"\boperator-[a-z0-9-]+_[0-9a-f]{16}\b", "HOLDER"),
    )
)
_BLANKS = re.compile(r" {2,}")
ANYTHING = "…"


def shows(page: str, output: str) -> bool:
    """Whether this is what the page shows; a line with an ellipsis stands for any lines."""
    lines = settled(output).splitlines()
    parts = [part.splitlines() for part in _parts(settled(page))]
    first, *between = parts
    if lines[: len(first)] != first:
        return False
    at = len(first)
    for part in between[:-1]:
        found = next((i for i in range(at, len(lines)) if lines[i : i + len(part)] == part), None)
        if found is None:
            return False
        at = found + len(part)
    if not between:
        return at == len(lines)
    last = between[-1]
    return len(lines) - len(last) >= at and lines[len(lines) - len(last) :] == last


def _parts(page: str) -> list[str]:
    return re.split(rf"^ *{ANYTHING}\n", page, flags=re.MULTILINE)


def settled(output: str) -> str:
    """The output without what differs from run to run; columns are apart by three blanks."""
    for changing in _CHANGING:
        output = changing.pattern.sub(changing.instead, output)
    lines = (_aligned(line) for line in output.splitlines())
    return "".join(f"{line}\n" for line in lines)


def _aligned(line: str) -> str:
    """Words of other lengths make other columns: a gap is a gap."""
    start = len(line) - len(line.lstrip())
    return line[:start] + _BLANKS.sub("   ", line[start:].rstrip())
