"""The files that a process leaves to its successor, whatever is in them."""

import pytest

from sidecar.check.verdicts import Verdicts


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"a":{"chosen":null}}',
        b'{"a":{"x":' + b"[" * 10**5 + b"]" * 10**5 + b"}}",
    ],
    ids=["empty", "list", "no text", "no verdict", "deep"],
)
def test_a_file_that_has_no_verdicts_is_none(tmp_path, data):
    (tmp_path / "falco-verdicts.json").write_bytes(data)
    assert Verdicts(tmp_path).find("a") is None


@pytest.mark.parametrize("text", ["key \u00b2", "key x", "key 1 2", "key -1", "k" * 1000])
def test_a_count_that_is_none_is_begun_anew(tmp_path, text):
    (tmp_path / "falco-asked").write_text(text)
    assert [Verdicts(tmp_path).starts("key") for _ in range(3)] == [True, True, False]
