"""Exhaustive tables of cases: `make test` runs a sample of each, `make prove` the whole."""

import pytest

PROVE, SAMPLE = pytest.mark.prove, pytest.mark.sample

# A process is killed, or a disk fails: `make test` takes every seventh step, `make prove` each.
every_step = pytest.mark.parametrize(
    "stride",
    [pytest.param(7, id="every seventh step"), pytest.param(1, id="every step", marks=PROVE)],
)


def examples(some, many):
    """`make test` generates `some` cases, `make prove` generates `many`."""
    return pytest.mark.parametrize("examples", [some, pytest.param(many, marks=PROVE)])


def sampled(cases, *sample):
    """Names and their cases become parameters; `make test` runs those named in `sample`."""
    unknown = set(sample) - set(cases)
    assert not unknown, f"no such cases: {unknown}"
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=[PROVE, SAMPLE] if name in sample else [PROVE],
        )
        for name, case in cases.items()
    ]


def is_left_to_prove(item):
    """Whether only `make prove` runs this test."""
    return item.get_closest_marker("prove") and not item.get_closest_marker("sample")
