"""What yaml-cpp, with which Falco reads, takes for YAML and libyaml does not.

yaml-cpp reads control characters, and line breaks that YAML 1.1 has and 1.2 has not, as characters
like any others; libyaml never sees them, for other characters stand in their places meanwhile. What
libyaml refuses in small files is read once more by yaml-cpp's rules for colons and tabs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

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

MAX_REREAD_BYTES = 1 << 15
"""Size of a file that is read again: PyYAML's own scanner reads 32 KiB in 0.15 s."""


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


_TAB_LINE = re.compile(rb"^ *\t", re.MULTILINE)


class TabRule:
    """yaml-cpp refuses a tab in the indentation after a plain text, or within a block.

    It counts as indentation up to the column of the map or list that the text is in.
    """

    def __init__(self, data: bytes) -> None:
        self._lines = data.decode().split("\n") if _TAB_LINE.search(data) else []

    def after_plain(self, line: int, end: int, column: int) -> int:
        """The line of such a tab after a plain text; 0 if there is none.

        The text ends in `line`, counted from 0, before the column `end`. `column` is that of what
        the text is in, -1 for none.
        """
        if not self._lines or self._lines[line][end:].strip():
            return 0
        return self._broken_line(line + 1, column + 1)

    def in_block(self, line: int) -> int:
        """The line of such a tab in a block that starts in `line`; 0 if there is none."""
        after = range(line + 1, len(self._lines))
        first = next((number for number in after if self._lines[number].strip(" ")), 0)
        indent = _spaces(self._lines[first]) if first else 0
        return self._broken_line(line + 1, indent, is_block=True)

    def _broken_line(self, start: int, indent: int, *, is_block: bool = False) -> int:
        for number in range(start, len(self._lines)):
            line = self._lines[number]
            spaces = _spaces(line)
            if spaces < indent and line[spaces : spaces + 1] == "\t":
                return number + 1
            if line.strip(" ") and not (is_block and spaces >= indent):
                return 0
        return 0


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


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

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._sequences: list[int] = []

    def fetch_block_entry(self) -> None:
        before = self.indent
        super().fetch_block_entry()
        if self.indent > before:
            self._sequences.append(self.indent)

    def unwind_indent(self, column: int) -> None:
        """A sequence ends at what is no entry, even in its own column: the next document begins."""
        super().unwind_indent(column)
        while self._sequences and self._sequences[-1] > self.indent:
            self._sequences.pop()
        is_entry = self.peek() == "-" and self.peek(1) in _BLANKS
        if not self.flow_level and self._sequences[-1:] == [column] and not is_entry:
            super().unwind_indent(column - 1)

    def stale_possible_simple_keys(self) -> None:
        self._take_last_key()
        super().stale_possible_simple_keys()

    def _take_last_key(self) -> None:
        """A text that ends a document, where a key stands, is a key without a value."""
        key = self.possible_simple_keys.get(0)
        last = self.tokens[-1] if self.tokens else None
        if key is None or not key.required or not isinstance(last, yaml.ScalarToken):
            return
        ends = self.peek() == "\0" or (self.column == 0 and self.prefix(3) in {"---", "..."})
        after = self.buffer[last.end_mark.index : self.pointer]
        is_whole = "#" not in after and (last.plain or "\n" not in after)
        is_last = key.token_number == self.tokens_taken + len(self.tokens) - 1
        if ends and is_whole and is_last:
            del self.possible_simple_keys[0]
            self.tokens.insert(-1, yaml.KeyToken(last.start_mark, last.start_mark))

    def fetch_plain(self) -> None:
        before = self.index
        super().fetch_plain()
        if self.index == before:
            # PyYAML would read the empty text for ever.
            mark = self.get_mark()
            raise ScannerError(None, None, "a text cannot start here", mark)

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> Any:
        # Within [] and {} a text may go on after a tab.
        scanner: Any = super()
        chunks = scanner.scan_plain_spaces(indent, start_mark)
        while chunks and self.flow_level and self.peek() in " \t":
            self.forward()
        return chunks

    def parse_document_start(self) -> Any:
        # The next document may begin without `---` once the node of the document before is read.
        parser: Any = super()
        while self.check_token(yaml.DocumentEndToken):
            parser.get_token()
        if self.check_token(yaml.StreamEndToken, yaml.DocumentStartToken, yaml.DirectiveToken):
            return parser.parse_document_start()
        return parser.parse_implicit_document_start()

    def parse_flow_node(self) -> Any:
        # Where nothing stands between two commas, or before the first, yaml-cpp reads null.
        parser: Any = super()
        if not self.check_token(yaml.FlowEntryToken):
            return parser.parse_flow_node()
        self.state = self.states.pop()
        return self.process_empty_scalar(parser.peek_token().start_mark)

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
