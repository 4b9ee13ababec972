"""How answers look: aligned, plain where nobody sees colours, and complete for programs."""

from __future__ import annotations

import json

import click
import pytest
import yaml

from cli.output.lists import as_list
from cli.output.style import Style, styled
from cli.output.table import table


def test_columns_are_aligned_without_trailing_blanks():
    assert table(("NAME", "STATE"), [("a", "True"), ("long-name", "")]) == (
        "NAME        STATE\na           True\nlong-name\n"
    )


def test_a_colour_takes_no_room():
    red = click.style("no", fg="red")
    assert table(("A", "B"), [(red, "x")]).splitlines()[1] == f"{red}   x"


def test_a_table_without_rows_is_nothing():
    assert table(("NAME",), []) == ""


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_a_list_says_what_it_is(output):
    written = as_list("Status", [{"name": "a"}], output, unread=["x"])
    read = json.loads(written) if output == "json" else yaml.safe_load(written)
    assert read == {
        "apiVersion": "cli.falcosecurity.dev/v1",
        "kind": "StatusList",
        "unread": ["x"],
        "items": [{"name": "a"}],
    }


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals(monkeypatch, terminal, variables, coloured):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (styled("ok", Style.GOOD) != "ok") is coloured
