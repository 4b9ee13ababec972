import pytest
import yaml

from resources.text import yaml_reader as bounded_yaml
from resources.text.limits import MAX_BYTES, MAX_DEPTH, MAX_VALUES
from resources.text.yaml_node import (
    YamlList,
    YamlMap,
    YamlScalar,
    boolean,
    duplicates,
    integer,
    is_null,
    lookup,
    number,
    text,
)
from resources.text.yaml_reader import BadYaml

LOADERS = {"libyaml": getattr(yaml, "CSafeLoader", None), "python": yaml.SafeLoader}


@pytest.fixture(params=LOADERS)
def loader(request, monkeypatch):
    if LOADERS[request.param] is None:
        pytest.skip("libyaml is not there")
    monkeypatch.setattr(bounded_yaml, "_LOADER", LOADERS[request.param])


def load(data):
    return bounded_yaml.load(data if isinstance(data, bytes) else data.encode()).roots


def only_document(data):
    (root,) = load(data)
    return root


def refusal(data):
    with pytest.raises(BadYaml) as caught:
        load(data)
    return str(caught.value)


def bomb(width, levels):
    lines = ["a: &a [" + ", ".join(["x"] * width) + "]"]
    for level in range(levels):
        name, before = chr(ord("b") + level), chr(ord("a") + level)
        lines.append(f"{name}: &{name} [" + ", ".join([f"*{before}"] * width) + "]")
    return "\n".join(lines)


@pytest.mark.usefixtures("loader")
def test_values_are_text_with_the_line_where_they_stand():
    root = only_document("a: 1\nb:\n  - on\n  - 'null'\n  - 2024-01-01\n  - 1:30\n")
    assert isinstance(root, YamlMap)
    assert lookup(root, "a") == YamlScalar("1", 1, plain=True)
    items = lookup(root, "b")
    assert isinstance(items, YamlList)
    assert [(text(value), value.line) for value in items.values] == [
        ("on", 3),
        ("null", 4),
        ("2024-01-01", 5),
        ("1:30", 6),
    ]
    assert [is_null(value) for value in items.values] == [False] * 4


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("data", "count"), [("", 0), ("# nothing\n", 0), ("---\n---\n", 2), ("a\n---\nb\n", 2)]
)
def test_every_document_counts_even_without_content(data, count):
    assert len(load(data)) == count


@pytest.mark.parametrize("data", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_what_yaml_cpp_takes_for_null(data):
    root = only_document(f"a: {data}\n")
    value = lookup(root, "a")
    assert value is not None
    assert is_null(value)
    assert text(lookup(root, "a")) is None


@pytest.mark.parametrize("data", ["'~'", '""', "!!str null", "nULL", "none"])
def test_what_is_quoted_tagged_or_spelled_otherwise_is_something(data):
    value = lookup(only_document(f"a: {data}\n"), "a")
    assert value is not None
    assert not is_null(value)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        *[(word, True) for word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "on", "ON")],
        *[(word, False) for word in ("n", "no", "No", "false", "FALSE", "off", "Off")],
        *[(word, None) for word in ("tRUE", "1", "0", "maybe", "~", "[]")],
        ("'true'", True),
    ],
)
def test_true_and_false_are_spelled_as_in_yaml_cpp(data, value):
    assert boolean(lookup(only_document(f"a: {data}\n"), "a")) is value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("010", 8),
        ("0", 0),
        ("08", None),
        ("1.5", None),
        ("1e3", None),
        ("", None),
        ("9" * 40, None),
    ],
)
def test_whole_numbers_are_read_in_three_bases(data, value):
    assert integer(lookup(only_document(f"a: {data}\n"), "a")) == value


@pytest.mark.parametrize(
    ("data", "value"), [(".1", 0.1), ("1", 1.0), ("-2.5e1", -25.0), ("x", None), ("inf", None)]
)
def test_numbers_may_have_a_fraction(data, value):
    assert number(lookup(only_document(f"a: {data}\n"), "a")) == value


def test_of_duplicate_keys_the_first_is_found_and_the_second_told():
    root = only_document("a: 1\nb: 2\na: 3\n")
    assert text(lookup(root, "a")) == "1"
    assert [(key.text, key.line) for key in duplicates(root)] == [("a", 3)]


def test_an_alias_is_what_it_stands_for():
    root = only_document("a: &x [1, 2]\nb: *x\n")
    assert lookup(root, "b") is lookup(root, "a")


def test_a_tag_makes_no_object():
    root = only_document("a: !!python/object/apply:os.system [ls]\n")
    assert isinstance(lookup(root, "a"), YamlList)


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a: [1,\nb: }\n", "line 2: "),
        ("a: b: c\n", "line 1: "),
        ("a: *x\n", "line 1: the alias refers to nothing before it"),
        ("a: &a [*a]\n", "line 1: the alias refers to nothing before it"),
        ("a: &x 1\n---\nb: *x\n", "line 3: the alias refers to nothing before it"),
        (b"a: b\nc: \xff\n", "line 2: it is not UTF-8 (byte 0xff)"),
        (b"a: b\nc: \xe2\x82", "line 2: it is not UTF-8 (byte 0xe2)"),
        ("a: b".encode("utf-16"), "line 1: it is not UTF-8 (byte 0xff)"),
        (b"a: b\nc: \x00\n", "line 2: "),
        (b"a" * (MAX_BYTES + 1), "it is larger than 4 MiB"),
    ],
)
def test_what_is_broken_is_refused_with_its_line(data, message):
    assert refusal(data).startswith(message)


def test_a_split_character_at_the_end_of_a_chunk_is_whole():
    data = "x" * ((1 << 16) - 1) + "é"
    assert only_document(data).text == data


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 10_000,
        b"{" * 10_000,
        b"- " * 10_000 + b"x",
        b"? " * 10_000 + b"x",
        b"\n".join(b" " * level + b"-" for level in range(1000)),
        b"[" * MAX_BYTES,
        b"[{" * (MAX_BYTES // 2),
    ],
    ids=lambda data: f"{data[:3]!r}{len(data)}",
)
def test_deep_nesting_is_refused(data):
    assert refusal(data).endswith(f"values are nested deeper than {MAX_DEPTH}")


@pytest.mark.usefixtures("loader")
def test_the_deepest_that_is_allowed_is_read():
    assert only_document("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert "deeper" in refusal("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.usefixtures("loader")
def test_an_alias_bomb_is_refused_before_it_is_built():
    assert refusal(bomb(9, 9)).endswith(f"aliases make it more than {MAX_VALUES} values")


def test_aliases_that_amount_to_little_are_read():
    assert bounded_yaml.load(bomb(3, 3).encode()).values > 3**4


def test_aliases_cannot_nest_deeper_than_values_can():
    lines = ["a0: &a0 [x]"]
    lines += [f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, 200)]
    assert refusal("\n".join(lines)).endswith(f"aliases nest deeper than {MAX_DEPTH}")


@pytest.mark.usefixtures("loader")
def test_too_many_values_are_refused():
    assert refusal("[" + "a," * (MAX_VALUES + 1) + "]").endswith(
        f"it has more than {MAX_VALUES} values"
    )


@pytest.mark.parametrize(
    "data", [b"---\n" * (1 << 20), b"[" + b"a," * (1 << 20) + b"]", b": " * (2 << 20)]
)
def test_four_megabytes_of_anything_come_to_an_end(data):
    assert refusal(data)


# What yaml-cpp takes and libyaml does not.


def item(data):
    root = only_document(data)
    assert isinstance(root, YamlList)
    return [text(value) for value in root.values]


@pytest.mark.parametrize(
    ("data", "values"),
    [
        ("[:a]", [":a"]),
        ("[a, :b, ':c']", ["a", ":b", ":c"]),
        ("[::1, a:b]", ["::1", "a:b"]),
        ("- a\x1bb\n- \x01\n", ["a\x1bb", "\x01"]),
        ("- a\u2028b\n- c\x85d\n- e\u2029f\n", ["a\u2028b", "c\x85d", "e\u2029f"]),
        ("- a\ufeffb\n", ["a\ufeffb"]),
        ("\ufeff- a\n", ["a"]),
        ("-\ta\n", ["a"]),
        ("[a,\n\tb]", ["a", "b"]),
        ('- "\\\'\\e\\x41"\n', ["'\x1bA"]),
    ],
)
def test_what_yaml_cpp_takes_is_taken(data, values):
    assert item(data) == values


@pytest.mark.parametrize("data", ["[:[", "[:{a}]", "[a?b]", "- \x00\n", "[a: :]x"])
def test_what_yaml_cpp_refuses_ends_with_a_word(data):
    assert refusal(data)


def test_a_large_file_is_not_read_again():
    large = "# " + "x" * (1 << 16) + "\n[:a]\n"
    assert refusal(large)
