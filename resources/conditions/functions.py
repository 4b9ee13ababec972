"""Fields and functions of fields, which Falco calls transformers, as operands of a condition.

As libsinsp's filter/parser.cpp and the filter transformers. What Falco refuses only once a rule
uses the operand is a problem; what it cannot parse raises BadCondition.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from resources.conditions.condition_text import BLANKS, FIELD, NUMBER, BadCondition
from resources.conditions.condition_warnings import field_warning
from resources.conditions.vocabulary import TEXT, Field, is_malformed
from resources.text.messages import shown

if TYPE_CHECKING:
    from resources.conditions.condition_text import ConditionText
    from resources.conditions.vocabulary import Vocabulary

_MAX_NESTED = 100
_FUNCTION = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*\(")
_FIRST = (0, 40)
_MANY = (0, 44)
# Functions, and the release of Falco that added each.
_SINCE = {"tolower": _FIRST, "toupper": _FIRST, "b64": _FIRST, "basename": _FIRST} | {
    "len": _MANY,
    "join": _MANY,
    "concat": _MANY,
    "getopt": _MANY,
}
_TEXTS = frozenset({"CHARBUF", "FSPATH", "BYTEBUF"})
_TAKES = {"tolower": _TEXTS, "toupper": _TEXTS, "b64": _TEXTS - {"FSPATH"}} | {
    "basename": _TEXTS - {"BYTEBUF"}
}
_SEVERAL = frozenset({"join", "concat", "getopt"})
UNKNOWN = Field("")
_LIST = Field("CHARBUF", is_list=True)


class Fault(NamedTuple):
    """What Falco may refuse once a rule uses a condition.

    `text` says what the problem is, or is the name of a field or event that only a plugin may have,
    or that of a list, each item of which must be a value of this kind.
    """

    kind: Literal["problem", "field", "event", "list"]
    text: str
    value_kind: str = ""


class Operand(NamedTuple):
    """A field, or a function of fields; `name` is empty for a function.

    `root` is the field whose values Falco looks at, behind functions of one argument; `raw` is what
    functions of several arguments take it for, `is_of_several` if it is or has one of those.
    """

    name: str
    field: Field
    uses_event_type: bool = False
    is_function: bool = False
    root: str = ""
    raw: Field = Field("CHARBUF")
    is_of_several: bool = False


class OperandReader:
    """Reads operands; `fields` are names that the release does not have."""

    def __init__(self, text: ConditionText, vocabulary: Vocabulary) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._functions = tuple(
            f"{name}(" for name, since in _SINCE.items() if vocabulary.release_has(since)
        )
        self.fields: set[str] = set()
        self.faults: dict[Fault, None] = {}
        self.warnings: dict[str, None] = {}

    def operand(self) -> Operand | None:
        """Read a field or function on the left of a comparison; None if neither is next."""
        return self._field() or self._function(0)

    def function(self) -> Operand | None:
        """Read a function on the right of a comparison; None if none is next."""
        if not self._text.take("val("):
            return self._function(0)
        self._text.skip(BLANKS)
        operand = self._field()
        if operand is None:
            self._text.fail("a field in val()")
        self._text.skip(BLANKS)
        if not self._text.take(")"):
            self._text.fail("a ')' that closes val()")
        if self._text.field_argument() is not None:
            self._problem("val() takes no argument in brackets")
        return operand._replace(is_function=True)

    def _field(self) -> Operand | None:
        name = self._text.skip(FIELD)
        if not name:
            return None
        argument = self._text.field_argument()
        full = name if argument is None else f"{name}[{argument}]"
        field = self._vocabulary.field(name, argument)
        self._text.syntax_words.add(full)
        if warning := field_warning(full, self._vocabulary):
            self.warnings[warning] = None
        if field is None and is_malformed(full):
            self._problem(f"there is no field {shown(full)}")
        elif field is None:
            self.fields.add(full)
            self.faults[Fault("field", full)] = None
        is_type = full in {"evt.type", "syscall.type"}
        return Operand(full, field or UNKNOWN, is_type, root=full, raw=field or UNKNOWN)

    def _function(self, depth: int) -> Operand | None:
        name = self._function_name()
        if not name:
            return None
        if depth > _MAX_NESTED:
            raise BadCondition(f"functions are nested deeper than {_MAX_NESTED}")
        arguments = []
        while True:
            arguments.append(self._argument(depth))
            self._text.skip(BLANKS)
            if not self._text.take(","):
                break
        if not self._text.take(")"):
            self._text.fail("a ')' that closes the function")
        argument = self._text.field_argument()
        uses = any(operand.uses_event_type for operand in arguments)
        field = self._result(name, arguments, argument)
        if len(arguments) > 1 or name in _SEVERAL:
            return Operand("", field, uses, is_function=True, is_of_several=True)
        (only,) = arguments
        return only._replace(name="", field=field, uses_event_type=uses, is_function=True)

    def _function_name(self) -> str:
        if not self._vocabulary.is_known:
            return self._text.skip(_FUNCTION)[:-1]
        for name in self._functions:
            if self._text.take(name):
                self._text.syntax_words.add(name[:-1])
                return name[:-1]
        return ""

    def _argument(self, depth: int) -> Operand:
        self._text.skip(BLANKS)
        if not self._text.take("("):
            return self._single(depth, "a field, a function, a quoted text, a number or a list")
        self._text.skip(BLANKS)
        while not self._text.take(")"):
            self._single(depth, "a field, a function, a quoted text or a number")
            self._text.skip(BLANKS)
            if self._text.take(","):
                self._text.skip(BLANKS)
                if self._text.peek() == ")":
                    self._text.fail("a field, a function, a quoted text or a number")
            elif self._text.peek() != ")":
                self._text.fail("a ')'")
        return Operand("", _LIST, raw=_LIST)

    def _single(self, depth: int, expected: str) -> Operand:
        if self._text.skip(NUMBER) or self._text.quoted() is not None:
            return Operand("", TEXT)
        operand = self._function(depth + 1) or self._field()
        if operand is None:
            self._text.fail(expected)
        return operand

    def _result(self, name: str, arguments: list[Operand], argument: str | None) -> Field:
        """The type of a function's result; what does not fit is a problem."""
        if not self._vocabulary.is_known:
            return UNKNOWN
        if name in _SEVERAL:
            return self._of_several(name, [operand.raw for operand in arguments], argument)
        (first, *others) = (operand.field for operand in arguments)
        if others:
            self._problem(f"{name}() takes one argument")
        if argument is not None:
            self._problem(f"{name}() takes no argument in brackets")
        if not first.transforms:
            self._problem(f"{name}() cannot be applied to its field")
        if name == "len":
            if first.type and not first.is_list and first.type not in _TEXTS:
                self._problem("len() takes a text or a list")
            return Field("UINT64")
        if first.type and first.type not in _TAKES[name]:
            self._problem(f"{name}() takes a text")
        return first

    def _of_several(self, name: str, fields: list[Field], argument: str | None) -> Field:
        unknown = any(not field.type for field in fields)
        lists = [field.is_list for field in fields]
        if name == "concat":
            fits = unknown or all(field.type == "CHARBUF" for field in fields)
            if len(fields) < 2 or (any(lists) and not unknown) or not fits:
                self._problem("concat() takes two texts or more")
        elif len(fields) != 2:
            self._problem(f"{name}() takes two arguments")
        elif not unknown and name == "join" and lists != [False, True]:
            self._problem("join() takes a text and a list")
        elif not unknown and name == "getopt" and lists != [True, False]:
            self._problem("getopt() takes a list and a text")
        if argument is not None and (name != "getopt" or len(argument) != 1):
            self._problem(f"{name}() takes no such argument in brackets")
        if argument is not None:
            return UNKNOWN
        return Field("CHARBUF", is_list=name == "getopt")

    def _problem(self, text: str) -> None:
        self.faults[Fault("problem", text)] = None
