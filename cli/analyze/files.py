"""The files that a command is given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.analyze.manifests import STANDARD_INPUT, files
from cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def _option(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "-f",
        "--filename",
        "paths",
        multiple=True,
        required=required,
        metavar="FILE|DIR|-",
        help="A file, all YAML files below a directory, or - for standard input; may be repeated.",
    )


files_option = _option(required=True)
optional_files_option = _option(required=False)


def read_files(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that the paths name; raises Failure if one cannot be read."""
    for path in paths:
        for file in files(path):
            try:
                is_input = file == STANDARD_INPUT
                yield file, sys.stdin.buffer.read() if is_input else Path(file).read_bytes()
            except OSError as error:
                raise Failure(f"{file} cannot be read: {error.strerror}") from error
