import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.conditions import condition
from resources.conditions.condition import BadCondition

GOOD = [
    "evt.num=0",
    "a.b exists",
    "(evt.type in (open,openat, openat2) and evt.is_open_write=true and fd.num>=0)",
    "evt.type in (execve, execveat) and evt.dir=<",
    "evt.dir=>",
    'proc.name!="<NA>"',
    "proc.name = ''",
    "fd.num=-1 or evt.res startswith E",
    "not fd.name pmatch (/etc, /root) and not(fd.name in ())",
    "not not a.b = c",
    "proc.aname[2]=sshd or proc.aname[3] in (a, b)",
    'evt.arg["some thing"] contains "x y"',
    "fd.name glob '/home/*/.ssh/*' or fd.name iglob \"*.PEM\"",
    "proc.cmdline regex '^a[0-9]+$'",
    "proc.cmdline contains \"-e 'x'\"",
    'proc.args contains "a \\"quoted\\" word"',
    "(proc.duration <= 5000000000) and a.b < 0x1F and a.b > -1.5e+3",
    'fd.sip in ("127.0.0.1","::1")',
    "tolower(proc.name) = bash and a.b = toupper(a.c)",
    "basename(proc.exepath) in val(proc.name)",
    'join(",", (a.b, tolower(a.c))) = "x"',
    "len(proc.args) > 3",
    "proc.exepath endswith anyof ('/bash', '/sh')",
    "proc.name = anyof",
    "a.b = c or(a.b = d)",
    "a.b = c and(a.b = d) or a.b = e",
    "a.b in (x)\n  and\n  a.b = y\t",
    "container.id intersects (a)",
]
BAD = [
    ("", "expected a '(', a field or a macro at its start"),
    ("   ", "expected a '(', a field or a macro"),
    ("(a.b = c", "expected a ')'"),
    ("a.b = c)", "expected 'and' or 'or'"),
    ("a.b = c d.e = f", "expected 'and' or 'or' after"),
    ("a.b = c and", "expected a '(', a field or a macro"),
    ("and a.b = c", "expected 'and' or 'or'"),
    ("a.b", "expected an operator"),
    ("a.b equals c", 'expected an operator after "a.b ", there is "equals c"'),
    ("a.b =", "expected a value"),
    ("a.b startswith(x)", "expected an operator"),
    ("a.b > many", "expected a number"),
    ("a.b in", "expected a '(' or the name of a list"),
    ("a.b in (x, )", "expected a value after ','"),
    ("a.b in (x y)", "expected a ')'"),
    ("a.b in (x", "expected a ')'"),
    ("a.b = 'x", "expected a closing '"),
    ('a.b = "x\\"', 'expected a closing "'),
    ("a.b = '\\d'", "is no escape that Falco knows"),
    ("a.b[", "expected an argument of the field"),
    ("a.b[x", "expected a ']'"),
    ("tolower() = x", "expected a field, a function, a quoted text, a number"),
    ("tolower(a.b = x", "expected a ')' that closes the function"),
    ("a.b = c or(a.b = d) and a.b = e", "expected 'and' or 'or'"),
    ("x orx", "expected 'and' or 'or'"),
    ("(" * 10_000 + "a.b = c" + ")" * 10_000, "nested deeper than 100"),
    ("f(" * 10_000, "functions are nested deeper than 100"),
]


@pytest.mark.parametrize("text", GOOD)
def test_what_falco_parses_is_parsed(text):
    assert condition.parse(text)


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text[:20] for text, _ in BAD])
def test_what_falco_cannot_parse_is_refused_with_the_place(text, message):
    with pytest.raises(BadCondition) as caught:
        condition.parse(text)
    assert message in str(caught.value)


def test_macros_are_the_names_that_stand_alone():
    parsed = condition.parse("spawned_process and not (container or proc.name = shell) and x")
    assert parsed.macros == ("container", "spawned_process", "x")


def test_a_word_may_be_a_list_and_stands_alone_or_among_others():
    parsed = condition.parse("a.b in (one, 'two', three) and a.c in four and a.d = five")
    assert parsed.words == ("one", "three")
    assert parsed.lone_words == ("five", "four")


def test_a_function_that_is_not_known_is_taken_as_it_is():
    assert condition.parse('somenew(a.b, "x)") = 1').macros == ()


@pytest.mark.parametrize(
    ("text", "result"),
    [("bash", 1), ("a, b", 2), ('"a b"', 1), ("/usr/bin/x.*", 1), ("", 0), ("'it'", 1)],
)
def test_an_item_amounts_to_values(text, result):
    assert len(condition.values(text)) == result


@pytest.mark.parametrize("text", ["a b", "a=b", "(a)", 'x"', "a,", "it's"])
def test_an_item_that_would_break_a_condition_is_refused(text):
    with pytest.raises(BadCondition):
        condition.values(text)


@settings(deadline=None)
@given(st.text("ab. ()=<'\"\\,[]notrd\n", max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        condition.parse(text)
    except BadCondition as error:
        assert str(error)  # noqa: PT017 - one or the other
