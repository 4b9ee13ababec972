"""Our own check beside Falco on generated inputs.

A real Falco is asked where there is one; elsewhere its answers to some of the inputs are in
`falco_generated.json`, each with a fragment, or with rules files.
"""

import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.resources.check.asked_falco import Answer, Files, asked, checked
from tests.resources.check.generated_fragments import fragment
from tests.resources.check.generated_rules import rules

FROZEN = [
    (Answer(kind, ""), Files(text, *map(tuple, files)))
    for kind, text, *files in json.loads(
        Path(__file__).with_name("falco_generated.json").read_text()
    )
]
SEEDS = st.integers(0, 2**32 - 1)


def assert_agree(answer, files):
    problems, warnings = checked(files)
    assert bool(problems) is answer.refuses, (answer.text, problems)
    assert answer.kind != "warns" or warnings, answer.text


@pytest.mark.parametrize("number", range(len(FROZEN)))
def test_the_check_agrees_with_answers_that_falco_gave(number):
    assert_agree(*FROZEN[number])


real_falco = pytest.mark.skipif(
    "FALCO_ROOT" not in os.environ,
    reason="FALCO_ROOT names no directory with a real Falco (README.md)",
)


@pytest.mark.real_falco
@real_falco
@settings(max_examples=300, deadline=None, derandomize=True)
@given(SEEDS)
def test_the_check_agrees_with_falco_on_fragments(seed):
    asked_and_checked(Files(fragment(random.Random(seed))))


@pytest.mark.real_falco
@real_falco
@settings(max_examples=500, deadline=None, derandomize=True)
@given(SEEDS)
def test_the_check_agrees_with_falco_on_rules(seed):
    asked_and_checked(Files("", tuple(rules(random.Random(seed)))))


def asked_and_checked(files):
    with tempfile.TemporaryDirectory() as work:
        assert_agree(asked(files, os.environ["FALCO_ROOT"], Path(work)), files)
