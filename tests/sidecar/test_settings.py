"""The sidecar's flags."""

import pytest

from sidecar.settings import parse

IDENTITY = dict.fromkeys(("POD_NAMESPACE", "POD_NAME", "POD_UID", "NODE_NAME"), "x")


@pytest.mark.parametrize(("flags", "deadline"), [([], 30.0), (["--load-deadline=45s"], 45.0)])
def test_falco_has_its_time_to_load(flags, deadline):
    assert parse(flags, IDENTITY).load_deadline == deadline


@pytest.mark.parametrize("text", ["0", "0.9s", "soon"])
def test_a_deadline_that_no_falco_could_keep_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        parse([f"--load-deadline={text}"], IDENTITY)
    assert f"argument --load-deadline: '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(("flags", "window"), [([], 120.0), (["--pull-window=0"], 0.0)])
def test_pulls_are_spread_unless_that_is_turned_off(flags, window):
    assert parse(flags, IDENTITY).pull_window == window
