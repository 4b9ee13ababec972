"""The actor of one artifact on a node."""

import json

import pytest

from actors.watch.store import snapshot_of
from resources.kubernetes.meta import RETRY
from sidecar.node.artifact import version_of


def version(resolved="2-abc", annotations=None, generation=2, uid="uid", **status):
    metadata = {"name": "rules", "uid": uid, "generation": generation, "annotations": annotations}
    body = {"metadata": metadata, "status": {"resolved": {"revision": resolved}, **status}}
    return version_of(snapshot_of("Rulesfile", json.dumps(body).encode()))


@pytest.mark.parametrize(
    "changed",
    [{"resolved": "2-def"}, {"annotations": {RETRY: "1"}}, {"generation": 3}, {"uid": "other"}],
)
def test_what_decides_about_the_content_makes_another_version(changed):
    assert version(**changed) != version()


@pytest.mark.parametrize(
    "changed",
    [{"nodes": {"summary": "1/3"}}, {"conditions": []}, {"annotations": {"any": "other"}}],
)
def test_no_other_write_of_the_status_or_the_metadata_does(changed):
    assert version(**changed) == version()
