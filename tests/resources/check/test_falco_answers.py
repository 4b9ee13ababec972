"""Our check beside the answers of the real Falco 0.44.1, which dry runs of these inputs gave.

`falco_answers.json` has, by kind of input, Falco's answer and the input: a fragment beside a plain
rule, or a rules file, in which $LISTS stands for what `LISTS` has.
"""

import json
from pathlib import Path

import pytest

from tests.resources.check.asked_falco import CONTEXT
from tests.resources.check.nodes import Node

LISTS = (
    "- list: names\n  items: [a, b]\n- list: spaced\n  items: ['a b', c]\n"
    "- list: numbers\n  items: ['1', 2]\n"
    "- list: nets\n  items: ['\"10.0.0.0/8\"', 10.1.0.0/16]\n"
    "- macro: closed\n  condition: evt.type = close\n"
)
PLAIN = '- rule: R\n  desc: d\n  condition: "evt.type = close"\n  output: "o"\n  priority: INFO\n'
ANSWERS = json.loads(Path(__file__).with_name("falco_answers.json").read_text())
ROWS = [
    pytest.param(answer, where, text, id=f"{kind} {number}")
    for kind, rows in ANSWERS.items()
    for number, (answer, where, text) in enumerate(rows)
]


@pytest.mark.parametrize(("answer", "where", "text"), ROWS)
def test_the_check_refuses_what_falco_refuses_and_warns_of_what_it_warns(answer, where, text):
    node = Node(CONTEXT)
    text = text.replace("$LISTS", LISTS)
    if where == "config":
        node.config("50-03-a-inline.yaml", text)
    node.rules("50-03-r-inline.yaml", PLAIN if where == "config" else text)
    verdict = node.check()
    refused = bool(verdict.problems)
    assert refused is (answer in {"exits", "crashes"}), verdict.problems or verdict.warnings
    assert answer != "warns" or verdict.warnings
