"""Exhaustive tables of cases: `make test` runs a sample of each, `make prove` the whole."""

import pytest

PROVE, SAMPLE = pytest.mark.prove, pytest.mark.sample

# How far apart the steps are at which a process is killed, or a disk fails.
every_step = pytest.mark.parametrize(
    "stride",
    [pytest.param(7, id="every seventh step"), pytest.param(1, id="every step", marks=PROVE)],
)


def examples(some, many):
    """How many generated cases are tried: some by `make test`, many by `make prove`."""
    return pytest.mark.parametrize("examples", [some, pytest.param(many, marks=PROVE)])


def sampled(cases, *sample):
    """The parameters of a mapping from names to cases; `sample` names those of `make test`."""
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
    """Whether `make test` leaves the case out."""
    return item.get_closest_marker("prove") and not item.get_closest_marker("sample")
