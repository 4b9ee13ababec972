"""The files that a command is given."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from cli.analyze.manifests import MOST_BYTES, STANDARD_INPUT, files
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
    """Name and content of each file that the paths name; raises Failure if one cannot be read.

    Of a file that is too large to be taken, such as /dev/zero, only so much is read.
    """
    for path in paths:
        if not path:
            raise Failure("the name of a file is empty")
        file = path
        try:
            for file in files(path):
                with _opened(file) as opened:
                    text = opened.read(MOST_BYTES + 1)
                yield file, text
        except OSError as error:
            named = error.filename or file
            raise Failure(f"{named} cannot be read: {error.strerror}") from error


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file != STANDARD_INPUT:
        with Path(file).open("rb") as opened:
            yield opened
    elif sys.stdin is None:
        raise Failure("there is no standard input to read")
    else:
        yield sys.stdin.buffer
