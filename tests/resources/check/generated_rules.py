"""Rules files for tests, good and bad ones."""

import json
import re

from tests.resources.check.generated_conditions import OUTPUTS, WORDS, comparison, condition

# What conditions may use, by name; a text has those that it names.
NAMES = {
    "l": "- list: l\n  items: [a, b]\n",
    "big": "- list: big\n  items: ['x y', z]\n",
    "nums": "- list: nums\n  items: [1, 2]\n",
    "evs": "- list: evs\n  items: [open, openat]\n",
    "m": "- macro: m\n  condition: evt.type = openat\n",
}
SAMPLE = """\
- required_engine_version: 0.31.0
- list: shells
  items: [bash, "dash", 'sh', zsh]
- list: programs
  items: [shells, "/usr/bin/env sh", python]
- macro: opened
  condition: (evt.type in (open, openat, openat2) and evt.is_open_read=true and fd.typechar='f')
- macro: never_true
  condition: (evt.num=0)
- macro: by_shell
  condition: proc.name in (shells) or proc.pname in (programs)
# A comment
- rule: Read a secret
  desc: >
    A program reads a file
    that only the owner may read.
  condition: >
    opened and by_shell
    and (fd.name startswith /etc or fd.directory in (/root, "/home/a b"))
    and not proc.cmdline contains "--safe mode"
  output: Secret read (file=%fd.name user=%user.name parent=%proc.pname aname=%proc.aname[2])
  priority: WARNING
  tags: [host, "files", T1555]
  exceptions:
    - name: known
      fields: [proc.name, fd.name]
      comps: [=, startswith]
      values:
        - [bash, /etc/profile]
        - ['sh', "/etc/a b"]
    - name: parents
      fields: proc.pname
      values: [init, systemd]
- rule: Connect out
  desc: d
  condition: >
    evt.type = connect and fd.sip != "127.0.0.1" and not fd.snet in (10.0.0.0/8) and not never_true
  output: "Connected to %fd.sip:%fd.sport"
  priority: NOTICE
  enabled: false
- macro: by_shell
  condition: and not proc.name = zsh
  override: {condition: append}
- rule: Connect out
  enabled: true
  tags: [network]
  override:
    enabled: replace
    tags: append
"""
_TOKENS = WORDS["tokens"]
_ODD = WORDS["odd"]
_WORD = re.compile(r"\w+")
_KEYS = WORDS["keys"]
_FIELDS = WORDS["rules_fields"]
_COMPARISONS = WORDS["comparisons"]
_EXCEPTION_VALUES = WORDS["exception_values"]
_ITEMS = WORDS["items"]
_LISTS = WORDS["lists"]
_USES = WORDS["uses"]
_VERSIONS = WORDS["versions"]
_REQUIREMENTS = WORDS["requirements"]
_WHOLE = WORDS["whole"]


def rules(random):
    """The texts of one rules file or two, in the order in which Falco loads them."""
    makes, shares = zip(*_KINDS, strict=True)
    (make,) = random.choices(makes, shares)
    text = make(random)
    if random.random() < 0.06 and text.count("\n- ") > 1:
        places = [place for place in range(len(text)) if text.startswith("\n- ", place)]
        cut = random.choice(places) + 1
        return [text[:cut], text[cut:]] if random.random() < 0.7 else [text[cut:], text[:cut]]
    return [text]


def mutated(random, text):
    """The text with few changes of lines and characters."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        kind = random.random()
        lines = text.splitlines(keepends=True)
        at = random.randrange(len(lines))
        place = random.randrange(len(text) + 1)
        if kind < 0.1:
            text = "".join(lines[:at] + lines[at + 1 :]) or text
        elif kind < 0.15:
            text = "".join(lines[: at + 1] + lines[at:])
        elif kind < 0.25:
            key, colon, _ = lines[at].partition(": ")
            lines[at] = f"{key}: {random.choice(_ODD)}\n" if colon else lines[at]
            text = "".join(lines)
        elif kind < 0.32:
            lines[at] = random.choice((" ", "  ", "-", "")) + lines[at].lstrip(
                random.choice((" ", ""))
            )
            text = "".join(lines)
        elif kind < 0.75:
            text = text[:place] + random.choice(_TOKENS) + text[place:]
        else:
            text = text[:place] + text[place + random.randrange(1, 4) :]
    return text


def _rule(condition="evt.type = open", output="o", more=""):
    texts = (json.dumps(text, ensure_ascii=False) for text in (condition, output))
    return "- rule: One\n  desc: d\n  condition: {}\n  output: {}\n  priority: NOTICE\n{}".format(
        *texts, more
    )


def _named(text):
    words = set(_WORD.findall(text))
    return "".join(item for name, item in NAMES.items() if name in words) + text


def _of_condition(random):
    return _named(_rule(condition(random), more=random.choice(("", "", "", _SKIPS))))


_SKIPS = "  skip-if-unknown-filter: true\n"


def _of_output(random):
    return _named(_rule(output=random.choice(OUTPUTS), more=random.choice(("", "", _SKIPS))))


def _exceptions(random):
    return f"[{', '.join(_exception(random) for _ in range(random.choice((1, 1, 2))))}]"


def _exception(random):
    pairs = [f"name: {random.choice(('e', 'e', 'e', 'f', 'null', '[]'))}"]
    for key, values, share in (
        ("fields", _FIELDS, 0.9),
        ("comps", _COMPARISONS, 0.7),
        ("values", _EXCEPTION_VALUES, 0.9),
        ("extra", ("1",), 0.05),
    ):
        if random.random() < share:
            usual = random.random() < 0.4
            pairs.append(f"{key}: {values[0] if usual else random.choice(values)}")
    return f"{{{', '.join(pairs)}}}"


def _of_exceptions(random):
    return _named(_rule(more=f"  exceptions: {_exceptions(random)}\n"))


def _of_change(random):
    first = "  exceptions: [{name: e, fields: [proc.name], comps: ['='], values: [[x]]}]\n"
    operation = random.choice(("append", "append", "replace", "replace", "other", "null", "[]"))
    key = random.choice([*_KEYS[:-5], "exceptions", "exceptions", "condition", "output", "tags"])
    value = {
        "exceptions": _exceptions(random),
        "condition": json.dumps(f"and {comparison(random)}"),
        "output": json.dumps(random.choice(OUTPUTS)),
    }.get(key) or random.choice(_ODD)
    override = f"  override: {{{key}: {operation}}}\n"
    how = random.choice(
        (
            *(override, override, override, "  append: true\n", f"{override}  append: true\n"),
            *(f"  override: {random.choice(_ODD)}\n", f"{override}  source: k8s_audit\n"),
            *(f"{override}  enabled: true\n", f"{override}  {random.choice(_KEYS)}: a\n", ""),
            *(f"  override: {{{key}: {operation}, {random.choice(_KEYS)}: replace}}\n",),
        )
    )
    name = random.choice(("One", "One", "One", "One", "Two"))
    more = random.choice(("", first))
    return _named(f"{_rule(more=more)}- rule: {name}\n  {key}: {value}\n{how}")


def _of_keys(random):
    values = {"desc": "d", "condition": "evt.type = open", "output": "o", "priority": "NOTICE"}
    for key in random.sample(_KEYS, random.choice((1, 1, 2))):
        values[key] = random.choice(_ODD)
    if random.random() < 0.1:
        values.pop(random.choice(list(values)))
    pairs = [f"  {key}: {value}\n" for key, value in values.items()]
    start = "" if "rule" in values else "- rule: One\n"
    return start + ("".join(pairs) if start else "-" + "".join(pairs)[1:])


def _of_list(random):
    name = random.choice(_LISTS)
    use = random.choice(_USES).replace("{}", name.strip("'"))
    how = ["", "", "  append: true\n", "  other: 1\n"]
    how += [f"  override: {{items: {operation}}}\n" for operation in ("append", "replace", "x")]
    text = f"- list: {name}\n  items: {random.choice(_ITEMS)}\n{random.choice(how)}"
    if random.random() < 0.3:
        text += f"- list: y\n  items: {random.choice(_ITEMS)}\n"
    return _named(text + _rule(f"evt.type = open and {use}"))


def _of_macro(random):
    text = json.dumps(random.choice((condition, comparison))(random), ensure_ascii=False)
    macro = f"- macro: x\n  condition: {text}\n"
    use = random.choice(
        ("evt.type = open and x", "evt.type = open", "x", "evt.type = open and not x")
    )
    parts = random.choice(((macro, _rule(use)), (_rule(use), macro), (macro, _rule(use), macro)))
    return _named("".join(parts))


def _of_requirement(random):
    key, values = random.choice(
        (("required_engine_version", _VERSIONS), ("required_plugin_versions", _REQUIREMENTS))
    )
    value = random.choice(values if random.random() < 0.8 else _ODD)
    return f"- {key}: {value}\n{_rule()}"


def _of_whole(random):
    parts = ["".join(NAMES.values()), _rule(), random.choice(_WHOLE)]
    random.shuffle(parts)
    return "".join(parts[: random.choice((1, 2, 3, 3))])


def _of_sample(random):
    return mutated(random, SAMPLE)


_KINDS = (
    (_of_condition, 26),
    (_of_output, 6),
    (_of_exceptions, 11),
    (_of_change, 11),
    (_of_keys, 10),
    (_of_list, 8),
    (_of_macro, 4),
    (_of_requirement, 3),
    (_of_whole, 5),
    (_of_sample, 16),
)
