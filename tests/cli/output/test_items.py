"""A finding has one form, whichever command tells it."""

from __future__ import annotations

from cli.analyze import findings as codes
from cli.analyze.findings import Finding
from cli.check import writing
from cli.check.catalog import RUNNING
from cli.check.facts import Level, Problem, Result
from cli.status.document import items
from tests.cli.status.shapes import WELL, diagnosis, pod

SHARED = ["kind", "code", "severity", "title", "object", "message", "hint", "docs"]


def keys(told):
    """The keys of the first finding, in order."""
    return list(next(one for one in told if one["kind"] == "Finding"))


def test_analyze_status_and_check_tell_findings_in_one_form():
    analyzed = [Finding("a.yaml", 1, codes.INVALID, "Falco/a/b", "no")]
    checked = [Result(RUNNING, (Problem(Level.BAD, "none"), Problem(Level.UNREAD, "hidden")))]
    unwell = diagnosis(*WELL, pod(sidecar=None))
    assert keys(codes.as_items(analyzed)) == [*SHARED, "file", "line"]
    assert keys(items(unwell, [])) == [*SHARED, "chain", "others"]
    assert keys(writing.as_items(checked)) == SHARED
    hidden = next(one for one in writing.as_items(checked) if one["kind"] == "Unread")
    assert (hidden["text"], hidden["code"]) == ("hidden", RUNNING.code)
