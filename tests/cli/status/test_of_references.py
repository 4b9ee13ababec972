"""A Secret or ConfigMap that an artifact keeps from going is named, with the artifact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.observed.objects import meta_of
from cli.status.diagnosis import diagnosed
from resources.artifact.references import FINALIZERS
from tests.cli.status.shapes import POD, WELL, artifact, at, entry, observed, report, thing

OURS = FINALIZERS["Secret"]
NAMED = {
    "ociArtifact": {
        "image": {"repository": "a/b"},
        "registry": {"auth": {"secretRef": {"name": "creds"}}},
    }
}


def found_of(finalizers, asked):
    """The findings where a Secret that two artifacts name is to be deleted since some seconds."""
    artifacts = artifact(spec=NAMED), artifact("plugin", "Plugin", spec=NAMED)
    said = report(POD, *map(entry, artifacts))
    metadata = {"finalizers": finalizers} | ({"deletionTimestamp": at(asked)} if asked else {})
    secret = meta_of(thing("Secret", "creds", metadata=metadata))
    return diagnosed(replace(observed(*WELL, POD, said, *artifacts), references=(secret,))).findings


def test_what_is_to_be_deleted_and_is_kept_is_told_with_all_that_name_it():
    (found,) = found_of([OURS], 60)
    assert (found.code.name, str(found.subject)) == ("FAL1614", "Secret/default/creds")
    assert found.cause == (
        "it is to be deleted, and Plugin/default/plugin, Rulesfile/default/rules name it: "
        f"the finalizer {OURS} keeps it"
    )
    assert "kubectl get -n default secret/creds" in found.remedy


@pytest.mark.parametrize(
    ("finalizers", "asked"),
    [([OURS], 0), ([OURS], 2), (["example.org/theirs"], 60)],
    ids=["not deleted", "deleted just now", "kept by somebody else"],
)
def test_what_is_not_kept_by_us_is_not_told(finalizers, asked):
    assert found_of(finalizers, asked) == ()
