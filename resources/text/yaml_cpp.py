"""What yaml-cpp, with which Falco reads, takes for YAML and libyaml does not.

yaml-cpp reads control characters, and line breaks that YAML 1.1 has and 1.2 has not, as characters
like any others; libyaml never sees them, for other characters stand in their places meanwhile. What
libyaml refuses in small files is read once more by yaml-cpp's rules for colons and tabs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import yaml
from yaml.scanner import ScannerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.events import Event

# yaml-cpp ends a file at U+0004, so that and U+0000 stay what libyaml refuses.
_ODD = re.compile("[\x01-\x03\x05-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_PLACES = {0x2028: 0x1F0, 0x2029: 0x1F1, 0xFEFF: 0x1F2, 0xFFFE: 0x1F3, 0xFFFF: 0x1F4}
# The end of a private plane, where no text has characters.
_FIRST = 0x10F000
_STAND_INS = {code: _FIRST + _PLACES.get(code, code) for code in (*range(1, 0xA0), *_PLACES)}
_BACK = {stand_in: code for code, stand_in in _STAND_INS.items()}
_ODD_BYTES = re.compile(
    rb"[\x01-\x03\x05-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9]|\xef\xbb\xbf|\xef\xbf[\xbe\xbf]"
)

MAX_REREAD_BYTES = 1 << 16
"""Size of a file that is read again: PyYAML's own scanner reads 64 KiB in half a second."""


def replaced(data: bytes) -> bytes:
    """UTF-8 without the characters that libyaml would refuse or break lines at."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    if not _ODD_BYTES.search(data, start):
        return data
    text = data[start:].decode()
    return _ODD.sub(lambda match: chr(_STAND_INS[ord(match[0])]), text).encode()


def restored(text: str) -> str:
    """The text as the file has it."""
    return text if text.isascii() else text.translate(_BACK)


class _Loader(yaml.SafeLoader):
    """PyYAML's scanner with yaml-cpp's rules for colons in flow collections, and for tabs."""

    ESCAPE_REPLACEMENTS: ClassVar = {**yaml.SafeLoader.ESCAPE_REPLACEMENTS, "'": "'"}  # type: ignore[misc]

    def scan_to_next_token(self) -> None:
        while True:
            while self.peek() in " \t":
                if self.peek() == "\t" and not self.flow_level:
                    self.allow_simple_key = False
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0\r\n":
                    self.forward()
            if not self.scan_line_break():  # type: ignore[no-untyped-call] # PyYAML has no types
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def fetch_plain(self) -> None:
        before = self.index
        super().fetch_plain()
        if self.index == before:
            # PyYAML would read the empty text for ever.
            mark = self.get_mark()
            raise ScannerError(None, None, "a text cannot start here", mark)

    def check_value(self) -> bool:
        after = self.peek(1)
        if not self.flow_level:
            return after in _BLANKS
        last = self.tokens[-1] if self.tokens else None
        is_json = isinstance(last, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken) or (
            isinstance(last, yaml.ScalarToken) and not last.plain
        )
        return is_json or after in _BLANKS or after in ",]}"

    def check_plain(self) -> bool:
        letter, after = self.peek(), self.peek(1)
        if letter in "-:" or (letter == "?" and not self.flow_level):
            return after not in _BLANKS
        return letter not in "?,[]{}#&*!|>'\"%@`" and letter not in _BLANKS


_BLANKS = "\0 \t\r\n"


def events(text: str) -> Iterator[Event]:
    """The events of the YAML as yaml-cpp would read it; raises yaml.YAMLError."""
    return yaml.parse(text, Loader=_Loader)
