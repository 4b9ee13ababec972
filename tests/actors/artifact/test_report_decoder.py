"""What is kept of the reports and labels of thousands of nodes."""

import msgspec
import pytest

from actors.artifact.report_decoder import ReportDecoder
from actors.watch.store import snapshot_of
from resources.artifact.rollout import ReportEntry

ARTIFACTS = [
    {"kind": "Rulesfile", "name": "rules", "uid": uid, "revision": "1", "state": "Programmed"}
    for uid in ("y", "x")
]


def report(node, **fields):
    metadata = {"name": f"falco-{node}", "namespace": "ns"}
    document = {"metadata": metadata, "nodeName": node, "podUID": f"uid-{node}", **fields}
    return snapshot_of("NodeReport", msgspec.json.encode(document))


def test_reports_of_the_same_are_kept_once():
    decoder = ReportDecoder()
    one, other = (decoder.report(report(node, artifacts=ARTIFACTS)) for node in ("n", "m"))
    assert (one.pod_uid, one.node) == ("uid-n", "n")
    assert one.entries == tuple(ReportEntry(uid, "1", "Programmed") for uid in ("x", "y"))
    assert one.entries is other.entries


@pytest.mark.parametrize("fields", [{}, {"artifacts": None}, {"artifacts": []}])
def test_a_report_may_be_empty(fields):
    assert ReportDecoder().report(report("n", **fields)).entries == ()


@pytest.mark.parametrize("fields", [{"artifacts": 5}, {"artifacts": [{}]}, {"podUID": 5}])
def test_a_report_that_is_none_is_refused(fields):
    with pytest.raises(msgspec.DecodeError):
        ReportDecoder().report(report("n", **fields))


def pool():
    """Each time another object."""
    return bytes.decode(b"blue")


def test_labels_are_what_they_were_and_equal_texts_are_kept_once():
    decoder = ReportDecoder()
    for node in ("n", "m"):
        known = {"pool": pool(), "name": node}
        labels = decoder.labels(known)
        assert (dict(labels), labels == known, len(labels)) == (known, True, 2)
        assert labels.get("missing") is None
    assert labels["pool"] is decoder.labels({"pool": pool()})["pool"]


def test_what_is_remembered_does_not_grow_with_what_has_been_seen():
    decoder = ReportDecoder()
    for number in range(20_000):
        decoder.labels({"name": f"node-{number}"})
        decoder.report(report("n", artifacts=[{**ARTIFACTS[0], "uid": str(number)}]))
    assert len(decoder._texts._values) <= 4096
    assert len(decoder._entries._values) <= 64
