"""Conditions and outputs for tests, good and bad ones."""

import json
from pathlib import Path

# What conditions, rules and fragments are made of.
WORDS = json.loads(Path(__file__).with_name("generator_words.json").read_text())

FIELDS = WORDS["fields"]
_USUAL = WORDS["usual"]
_FUNCTIONS = WORDS["functions"]
_OPERATORS = WORDS["operators"]
_USUAL_OPERATORS = ["=", "!=", "contains", "in", "startswith", ">", "intersects", "pmatch", "regex"]
_VALUES = WORDS["values"]
_CHECKS = WORDS["checks"]
_JOINTS = WORDS["joints"]
OUTPUTS = WORDS["outputs"]


# What fits a field that starts like this.
_FITTING = WORDS["fitting"]


def _value(random, field):
    for start, values in _FITTING.items():
        if field.startswith(start) and random.random() < 0.7:
            return random.choice(values)
    return random.choice(_VALUES)


def comparison(random):
    field = random.choice(FIELDS if random.random() < 0.6 else _USUAL)
    if random.random() < 0.12:
        field = random.choice(_FUNCTIONS).replace("{}", field)
    operator = random.choice(_OPERATORS if random.random() < 0.4 else _USUAL_OPERATORS)
    if operator == "exists":
        return f"{field} exists"
    words = operator.split()
    separator = "" if operator[0] in "=!<>" and random.random() < 0.2 else " "
    if words[0] in {"in", "intersects", "pmatch"} or len(words) > 1:
        values = ", ".join(_value(random, field) for _ in range(random.choice((0, 1, 1, 2, 3))))
        right = random.choice(
            (f"({values})", f"({values})", "(l)", "l", "(big, l)", "(nums)", values)
        )
    else:
        right = _value(random, field)
    return f"{field} {operator}{separator}{right}"


def condition(random):
    """A condition that may use the lists l, big, nums and evs, and the macro m."""
    text = random.choice(_CHECKS) if random.random() < 0.35 else _CHECKS[0]
    for _ in range(random.choice((0, 1, 1, 1, 1, 2))):
        joint = random.choice(_JOINTS) if random.random() < 0.4 else " and "
        text += f"{joint}{comparison(random)}{')' if joint.endswith('(') else ''}"
    return random.choice(
        ("{}", "{}", "{}", "{}", "{}", "{}", "({})", "m and ({})", " {} ", "(({}))", "not ({})")
    ).format(text)
