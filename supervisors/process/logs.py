"""How the process logs: one line for each message, to stderr, for people or for machines."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from typing import TextIO

# Libraries speak of their own concerns below this.
_LIBRARIES = logging.WARNING
_OURS = ("actors", "resources", "sidecar", "supervisors")


def configure(level: str, line_format: str, stream: TextIO | None = None) -> None:
    """Log to stderr, or to `stream`; a second call replaces the first.

    What a message is about goes into `extra={"object": "Falco/namespace/name"}`. Warnings of
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
    """`time level logger object message`; a traceback follows, each line behind a bar.

    Names and messages come from users: whatever is not printable is escaped, so that none can
    forge a line or steer a terminal.
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
    """One JSON object: time, level, logger, message and, where there is one, object, traceback."""

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
    r"""Escape what is not printable, as in `\n`, `\x1b` and ``\u202e``; spaces stay."""
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
    """Escape lone surrogates, which file names can bring and JSON cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


_plain = logging.Formatter()
