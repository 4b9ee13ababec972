"""Events that the operator tells of an artifact."""

import json

import pytest

from resources.artifact.events import FleetContent, failures, installed, moved, successes
from resources.artifact.fields import ArtifactStatus, Resolved
from resources.artifact.resolution import ResolutionFailure
from resources.artifact.sources import decode, sources_of
from resources.kubernetes.conditions import ConditionDraft, set_condition
from tests.fake_clock import EPOCH

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
OCI = {"ociArtifact": {"image": {"repository": "falco/rules"}}}
CONFIG_MAP = {"configMapRef": {"name": "named"}}
INLINE = {"inlineRules": [{"rule": "x"}]}


def read(spec, kind="Rulesfile"):
    raw = {"metadata": {"name": "a", "generation": 1}, "spec": spec}
    artifact = decode(kind, json.dumps(raw).encode())
    return artifact, sources_of(artifact)


def known(spec, kind="Rulesfile", revision="1", digest=A, version="7"):
    resolved = Resolved(revision=revision, oci_digest=digest, config_map_resource_version=version)
    artifact, sources = read(spec, kind)
    return installed(artifact, sources, resolved)


def events(before, now, count=3):
    return [(draft.reason, draft.note) for draft in successes(before, now, count)]


def test_what_is_installed_for_the_first_time_is_stored_each_source_by_itself():
    assert events(None, known({**OCI, **CONFIG_MAP, **INLINE})) == [
        ("OCIArtifactStored", f"ghcr.io/falco/rules:latest ({A}) installed on 3 pods"),
        ("ConfigMapArtifactStored", "ConfigMap named installed on 3 pods"),
        ("InlineArtifactStored", "Inline rules installed on 3 pods"),
    ]
    assert events(None, known(INLINE), 1)[0][1].endswith("installed on 1 pod")


PLUGINS = [
    (OCI, ["OCIArtifactStored"]),
    ({"config": {"libraryPath": "/x.so"}}, ["InlineArtifactStored"]),
    ({**OCI, "config": {"openParams": "x"}}, ["OCIArtifactStored", "InlineArtifactStored"]),
    ({}, ["InlineArtifactStored"]),
]


@pytest.mark.parametrize(
    ("kind", "spec", "text"),
    [
        ("Rulesfile", INLINE, "Inline rules"),
        ("Config", {"config": {"json_output": True}}, "Inline configuration"),
        ("Plugin", {"config": {"openParams": "x"}}, "Plugin configuration"),
    ],
)
def test_what_stands_in_the_resource_is_called_by_what_it_is(kind, spec, text):
    assert events(None, known(spec, kind)) == [
        ("InlineArtifactStored", f"{text} installed on 3 pods")
    ]


@pytest.mark.parametrize(("spec", "reasons"), PLUGINS)
def test_a_plugin_is_what_it_is_made_of(spec, reasons):
    assert [reason for reason, _ in events(None, known(spec, "Plugin"))] == reasons


WHOLE = {**OCI, **CONFIG_MAP, **INLINE}
LATER = {
    "the digest": (known(WHOLE), known(WHOLE, digest=B), ["OCIArtifactUpdated"]),
    "the ConfigMap": (known(WHOLE), known(WHOLE, version="8"), ["ConfigMapArtifactUpdated"]),
    "the resource": (
        known(WHOLE),
        known({**WHOLE, "inlineRules": []}),
        ["InlineArtifactUpdated"],
    ),
    "a source that is new": (known(OCI), known({**OCI, **INLINE}), ["InlineArtifactStored"]),
    "a source that is gone": (known({**OCI, **INLINE}), known(OCI), []),
    "the priority": (
        known({**OCI, **INLINE}),
        known({**OCI, **INLINE, "priority": 7}),
        ["OCIArtifactPriorityChanged", "InlineArtifactPriorityChanged"],
    ),
    "the priority and more": (
        known(INLINE),
        known({"inlineRules": [], "priority": 7}),
        ["InlineArtifactUpdated"],
    ),
    "something else": (known(INLINE), known(INLINE, revision="2"), ["InlineArtifactUpdated"]),
    "nobody knows what": (
        FleetContent("1"),
        known({**OCI, **INLINE}),
        ["OCIArtifactUpdated", "InlineArtifactUpdated"],
    ),
}


@pytest.mark.parametrize(("before", "now", "reasons"), LATER.values(), ids=LATER)
def test_later_what_has_changed_is_told(before, now, reasons):
    assert [reason for reason, _ in events(before, now)] == reasons


def test_the_new_priority_is_told():
    assert events(known(INLINE), known({**INLINE, "priority": 7})) == [
        ("InlineArtifactPriorityChanged", "Priority 7 on 3 pods")
    ]


# A tag that moves.


def pinned(digest, generation=1):
    return ArtifactStatus(resolved=Resolved(observed_generation=generation, oci_digest=digest))


def test_a_tag_that_moves_is_told_with_both_digests():
    sources = read(OCI)[1]
    (draft,) = moved(sources, pinned(A), pinned(B))
    assert draft.reason == "OCIArtifactUpdated"
    assert draft.note == f"ghcr.io/falco/rules:latest has moved from {A} to {B}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (pinned(A), pinned(A)),
        (pinned(None), pinned(A)),
        (ArtifactStatus(), pinned(A)),
        (pinned(A), pinned(B, generation=2)),
    ],
    ids=["it has not", "it was not known", "nothing was", "it is another tag"],
)
def test_no_other_change_is_a_move(before, after):
    assert not list(moved(read(OCI)[1], before, after))


# What goes wrong.

MISSING = ConditionDraft("ResolvedRefs", "False", "ReferenceResolutionFailed", "Secret x", 1)
FOUND = ConditionDraft("ResolvedRefs", "True", "ReferenceResolved", "All is there", 1)
DOWN = ConditionDraft("Programmed", "False", "OCIArtifactStoreFailed", "no answer", 1)
INVALID = ConditionDraft("Programmed", "False", "InvalidContent", "spec.x", 1)
PENDING = ConditionDraft("Programmed", "Unknown", "Pending", "", 1)


def having(*findings):
    conditions = None
    for finding in findings:
        conditions = set_condition(conditions, finding, EPOCH)
    return ArtifactStatus(conditions=conditions, observed_generation=findings[-1].generation)


def failure_of(finding):
    return ResolutionFailure(finding.status, finding.reason, finding.message)


FAILURES = {
    "missing": (having(PENDING), having(MISSING), None, ["ReferenceResolutionFailed"]),
    "still missing": (having(MISSING), having(MISSING._replace(generation=2)), None, []),
    "something else missing": (
        having(MISSING),
        having(MISSING._replace(message="ConfigMap y")),
        None,
        ["ReferenceResolutionFailed"],
    ),
    "missing again": (having(FOUND), having(MISSING), None, ["ReferenceResolutionFailed"]),
    "missing, and so nothing installed": (
        having(PENDING),
        having(MISSING),
        failure_of(MISSING),
        ["ReferenceResolutionFailed"],
    ),
    "found": (having(MISSING), having(FOUND), None, []),
    "no registry": (having(PENDING), having(DOWN), failure_of(DOWN), ["OCIArtifactStoreFailed"]),
    "still no registry": (
        having(DOWN),
        having(DOWN._replace(message="reset")),
        failure_of(DOWN._replace(message="reset")),
        [],
    ),
    "no registry for another tag": (
        having(DOWN),
        having(DOWN._replace(generation=2)),
        failure_of(DOWN),
        ["OCIArtifactStoreFailed"],
    ),
    "a spec that is wrong": (
        having(PENDING),
        having(INVALID),
        failure_of(INVALID),
        ["InvalidContent"],
    ),
    "a spec that is still wrong": (having(INVALID), having(INVALID), failure_of(INVALID), []),
    "a spec that is wrong in another way": (
        having(INVALID),
        having(INVALID),
        failure_of(INVALID._replace(message="spec.y")),
        ["InvalidContent"],
    ),
    "looked up": (having(PENDING), having(PENDING), failure_of(PENDING), []),
}


@pytest.mark.parametrize(("before", "after", "failure", "reasons"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_told_once_for_each_change(before, after, failure, reasons):
    drafts = list(failures(before, after, failure))
    assert [draft.reason for draft in drafts] == reasons
    assert all(draft.type == "Warning" for draft in drafts)
