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
    from collections.abc import Iterator

PROMPT = "$ "
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)$")


@dataclass
class Step:
    """One command and the output that the page shows."""

    command: str
    lines: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
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


def written(page: str, outputs: dict[int, str]) -> str:
    """The page with these outputs, by the number of the step."""
    lines, number = [], 0
    for piece in list(pieces(page)):
        if isinstance(piece, Step):
            lines += [f"{PROMPT}{piece.command}", *outputs[number].splitlines()]
            number += 1
        else:
            lines.append(piece)
    return "".join(f"{line}\n" for line in lines)


class _Changing(NamedTuple):
    pattern: re.Pattern[str]
    instead: str


_CHANGING = (
    _Changing(re.compile(r"\bsha256:[0-9a-f]{6,64}"), "sha256:…"),
    _Changing(re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UID"),
    _Changing(re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?"), "TIME"),
    _Changing(re.compile(r"\b(falco(?:-[a-z]+)*)-[a-z0-9]{5}\b(?![-.])"), r"\1-xxxxx"),
    _Changing(re.compile(r"\b(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?(?:s| s| ms|ms)\b"), "1s"),
    _Changing(re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
)
_BLANKS = re.compile(r" {2,}")


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
