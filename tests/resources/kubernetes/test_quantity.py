import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.kubernetes.quantity import equal, parse


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("0.5", "500m"),
        (1, "1"),
        (0.5, "500m"),
        ("1e3", "1k"),
        ("1E3", "1000"),
        ("1E", "1000P"),
        ("1.5Gi", "1536Mi"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0", "0Gi"),
        ("-1k", "-1000"),
        ("0.1n", "1n"),
        ("16Ei", "9223372036854775807"),
    ],
)
def test_two_spellings_of_one_quantity_are_equal(left, right):
    assert equal(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [("1", "2"), ("1M", "1Mi"), ("1m", "1M"), ("100m", "1"), ("1", None), ("one", "1"), ("", "0")],
)
def test_different_quantities_are_not_equal(left, right):
    assert not equal(left, right)


@pytest.mark.parametrize("text", ["", "1KiB", "m", "1 Gi", "0x10", "1e", "--1", None, [], "1Ki\n"])
def test_what_the_api_server_refuses_is_no_quantity(text):
    assert parse(text) is None


@given(st.integers(-(10**6), 10**6))
def test_milli_units_are_a_thousandth(number):
    assert equal(f"{number * 1000}m", str(number))
