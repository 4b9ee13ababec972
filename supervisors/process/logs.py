"""Logging to stderr: one line for each message, as text or as JSON."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from typing import TextIO

# The least severe messages of libraries that are logged.
_LIBRARIES = logging.WARNING
_OURS = ("actors", "resources", "sidecar", "supervisors")


def configure(level: str, line_format: str, stream: TextIO | None = None) -> None:
    """Log to stderr, or to `stream`; a second call replaces the first.

    A message that concerns an object has `extra={"object": "Falco/namespace/name"}`. Warnings of
    Python itself are logged too.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLine() if line_format == "json" else TextLine())
    least = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, _LIBRARIES))
    for name in _OURS:
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(capture=True)


class TextLine(logging.Formatter):
    """Formats `time level logger object message`, and a traceback with a bar before each line.

    Names and messages come from users: unprintable characters are escaped, so that no text can
    forge a line or control a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and one for each line of a traceback."""
        words = [_time(record), f"{record.levelname:<7}", record.name]
        words += filter(None, [_object(record), record.getMessage()])
        lines = [printable(" ".join(words))]
        lines += [f"  | {printable(line)}" for line in _traceback(record).split("\n") if line]
        return "\n".join(lines)


class _Line(msgspec.Struct, omit_defaults=True):
    time: str
    level: str
    logger: str
    message: str
    object: str = ""
    traceback: str = ""


class JsonLine(logging.Formatter):
    """Formats one JSON object: time, level, logger, message and, if any, object and traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = _Line(
            time=_time(record),
            level=record.levelname.lower(),
            logger=record.name,
            message=_encodable(record.getMessage()),
            object=_encodable(_object(record)),
            traceback=_encodable(_traceback(record)),
        )
        return msgspec.json.encode(line).decode()


def printable(text: str) -> str:
    r"""Escape unprintable characters, as in `\n`, `\x1b` and ``\u202e``; spaces stay."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None)
    return f"{moment.isoformat('T', 'milliseconds')}Z"


def _object(record: logging.LogRecord) -> str:
    return str(getattr(record, "object", ""))


def _traceback(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[1] is not None:
        parts.append(_plain.formatException(record.exc_info))
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _encodable(text: str) -> str:
    """Escape lone surrogates, which occur in file names and are invalid in JSON."""
    return text.encode("utf-8", "backslashreplace").decode()


_plain = logging.Formatter()
