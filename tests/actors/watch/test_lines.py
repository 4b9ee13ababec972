"""Lines, however the stream is cut into chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.api.errors import Garbled
from actors.watch import lines as module
from actors.watch.lines import Lines


@st.composite
def streams(draw):
    """The chunks of a stream, which may be empty, and cut lines anywhere."""
    data = draw(st.text(alphabet="a\n\r\u2028é", max_size=60)).encode()
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=20).map(sorted))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(streams())
def test_any_chunking_of_a_stream_gives_the_same_lines(chunks):
    lines = Lines()
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    *ended, _ = b"".join(chunks).split(b"\n")
    assert found == [line for line in ended if line]


def test_a_line_of_a_megabyte_comes_whole():
    line, lines = b"x" * 2**20, Lines()
    chunks = [line[start : start + 1000] for start in range(0, len(line), 1000)]
    assert not [found for chunk in chunks for found in lines.feed(chunk)]
    assert lines.feed(b"\nnext") == [line]
    assert lines.feed(b"\n") == [b"next"]


def test_a_line_without_end_is_garbled(monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 10)
    lines = Lines()
    assert lines.feed(b"0123456789") == []
    with pytest.raises(Garbled, match="without a line end"):
        lines.feed(b"!")
