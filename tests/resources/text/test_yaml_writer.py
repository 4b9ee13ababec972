import json

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from resources.text.limits import MAX_DEPTH, MAX_VALUES
from resources.text.yaml_reader import load
from resources.text.yaml_writer import TooDeep, excess, yaml_text

# What YAML 1.1, YAML 1.2 or yaml-cpp take for something other than a string, or nearly so.
MISLEADING = [
    *("", "~", "null", "Null", "y", "N", "yes", "No", "on", "OFF", "true", "FALSE", "=", "<<"),
    *("0", "-1", "+5", "010", "0o17", "0x1F", "0b1", "1_000", "1e3", "1.e5", ".5", "5.", "-.5"),
    *("08", ".inf", "-.INF", "+.inf", "inf", ".nan", "NaN", "12:30:45", "2001-01-01", "1.2.3"),
    *("- a", "-", "? x", "x:", ": x", "a: b", "a #b", "#a", "!x", "&a", "*a", "@a", "`a", "%a"),
    *("---", "...", "--- a", "{a}", "[a]", "a, b", "'a'", '"a"', "| a", "> a", " a", "a ", "\ta"),
    *("a\tb", "a\\b", "${VAR}", "$${VAR}", "é", "\U0001f600", "\ufeffa", "\xa0", "\x00", "\x04"),
    *("\n", "a\n", "a\n\n", "\na", "a\nb", "a\n\nb\n", " a\nb", "a\n  b\n", "a \nb", "a\n \nb"),
    *("a\n\tb", "a\r\nb", "a\rb", "a\x85b", "a\u2028b\nc", "a\n...\nb", "a\n---\nb", "#a\n#b"),
]
TEXT = st.text() | st.sampled_from(MISLEADING) | st.lists(st.sampled_from(MISLEADING)).map("".join)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def typed(value):
    """The value with its types, for in Python 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return (
        [typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))
    )


@given(VALUES)
@example({text: text for text in MISLEADING})
@example([[text] for text in MISLEADING])
@example({"a": [], "b": {}, "c": [[]], "d": [{}], "e": None})
def test_what_is_written_reads_as_the_same_value(value):
    text = yaml_text(value)
    assert typed(yaml.safe_load(text)) == typed(value)
    assert typed(yaml.load(text, yaml.CSafeLoader)) == typed(value)


@given(TEXT)
def test_a_string_is_one_to_a_reader_that_knows_fewer_line_breaks(text):
    """As yaml-cpp and YAML 1.2, to which only CR and LF end a line."""
    written = yaml_text({"key": text})
    assert not {"\x85", "\u2028", "\u2029"} & set(written)
    assert "\\N" not in written.replace("\\\\", "")


@pytest.mark.parametrize(
    "text",
    ["y", "N", "nan", "inf", "-.5", "+.5", "1e3", "0o17", "08", "-1", "1.2.3", "12:30", "off", "~"],
)
def test_what_only_some_readers_take_for_something_else_is_quoted(text):
    assert yaml_text([text]) == f"- '{text}'\n"


def test_long_strings_stay_on_one_line_and_lines_stay_lines():
    condition = "evt.type = open and " * 30 + "x"
    rule = {"rule": "A rule", "condition": condition, "desc": "one\n  two\nthree\n"}
    assert yaml_text([rule]) == (
        f"- rule: A rule\n  condition: {condition}\n  desc: |\n    one\n      two\n    three\n"
    )


def test_it_is_for_people_to_read():
    value = {"b": [1, True, None, {"c": "${VAR}", "a": 1.5}], "a": {}, "l": [], "s": "two words"}
    assert yaml_text(value) == (
        "b:\n- 1\n- true\n- null\n- c: ${VAR}\n  a: 1.5\na: {}\nl: []\ns: two words\n"
    )


def test_what_is_there_twice_is_written_twice():
    shared = {"a": [1]}
    assert yaml_text([shared, shared]) == "- a:\n  - 1\n- a:\n  - 1\n"


def nested(depth):
    value: object = "leaf"
    for level in range(depth):
        value = [value] if level % 2 else {"key": value}
    return value


def test_the_deepest_value_that_is_written_can_be_read_back():
    assert len(load(yaml_text(nested(MAX_DEPTH - 1)).encode()).roots) == 1


def test_nesting_is_taken_as_deep_as_the_limit_and_refused_beyond_it():
    value = nested(MAX_DEPTH - 1)
    assert yaml.safe_load(yaml_text(value)) == value
    with pytest.raises(TooDeep, match="deeper than 100 levels"):
        yaml_text(nested(MAX_DEPTH))
    with pytest.raises(TooDeep):
        yaml_text(nested(100_000))


@pytest.mark.parametrize(
    "value",
    [None, "text", 5, [], {}, [1] * (MAX_VALUES - 1), {"a": [{"b": None}]}],
)
def test_what_can_be_written_has_no_excess(value):
    assert excess(value) == ""


@pytest.mark.parametrize(
    "value", [[1] * MAX_VALUES, [[]] * MAX_VALUES, {"a": [{"b": ["x"] * MAX_VALUES}]}]
)
def test_a_value_of_very_many_is_too_much(value):
    assert excess(value) == "has more than 100000 values"


def test_a_deep_value_is_too_much():
    assert excess(json.loads("[" * 150 + "]" * 150)) == "is nested deeper than 100 levels"
