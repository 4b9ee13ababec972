"""Children of a resource that Argo CD, Flux or Helm has applied, by the rules of these tools."""

import pytest

from resources.component.desired import desired as desired_of_component
from resources.component.spec import Component, ComponentChoice, ComponentSpec
from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.meta import ObjectMeta

BY_DEFAULT = "app.kubernetes.io/instance"
# The key that Argo CD's documentation recommends for `application.instanceLabelKey`.
RECOMMENDED = "argocd.argoproj.io/instance"
TRACKED = {
    BY_DEFAULT: "falco",
    RECOMMENDED: "falco",
    "app.kubernetes.io/managed-by": "Helm",
    "helm.sh/chart": "security-1.0.0",
    "kustomize.toolkit.fluxcd.io/name": "falco",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    "helm.toolkit.fluxcd.io/name": "falco",
    "helm.toolkit.fluxcd.io/namespace": "flux-system",
}
OURS = {"app.kubernetes.io/managed-by": "falco-operator", "app.kubernetes.io/name": "falco"}
SELECTOR = {"app.kubernetes.io/instance": "falco", "app.kubernetes.io/name": "falco"}


def is_pruned(live, application, source, key):
    """Whether Argo CD deletes an object when it syncs an application, tracking by this label.

    Argo CD takes for the application's own what has its name in the label and no owner reference,
    and prunes of that what is not in its source.
    """
    metadata = live["metadata"]
    named = metadata.get("labels", {}).get(key) == application
    name = (live["kind"], metadata.get("namespace", ""), metadata["name"])
    return named and not metadata.get("ownerReferences") and name not in source


def children(kind="Falco", type_="DaemonSet", labels=None):
    meta = ObjectMeta(
        name="falco", namespace="ns", uid="u-1", labels={"team": "blue", **(labels or {})}
    )
    if kind == "Falco":
        made = desired(Falco(metadata=meta, spec=FalcoSpec(type=type_)), FalcoSettings())
    else:
        spec = ComponentSpec(component=ComponentChoice(type="metacollector"))
        made = desired_of_component(Component(metadata=meta, spec=spec), ())
    return [child.body for child in made]


def test_the_rule_prunes_what_carries_the_label_and_is_not_in_the_source():
    body = {"kind": "ClusterRole", "metadata": {"name": "x", "labels": {BY_DEFAULT: "falco"}}}
    assert is_pruned(body, "falco", set(), BY_DEFAULT)
    assert not is_pruned(body, "other", set(), BY_DEFAULT)
    assert not is_pruned(body, "falco", {("ClusterRole", "", "x")}, BY_DEFAULT)


@pytest.mark.parametrize("key", [BY_DEFAULT, RECOMMENDED])
@pytest.mark.parametrize("kind", ["Falco", "Component"])
def test_no_child_is_pruned_by_an_application_that_is_called_as_its_resource(kind, key):
    source = {(kind, "ns", "falco")}
    for body in children(kind, labels=TRACKED):
        assert not is_pruned(body, "falco", source, key), body["metadata"]


@pytest.mark.parametrize("kind", ["Falco", "Component"])
def test_every_child_asks_argo_cd_to_leave_it_alone_and_no_pod_changes_for_that(kind):
    for body in children(kind):
        annotations = body["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/compare-options"] == "IgnoreExtraneous"
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=false"
        template = body.get("spec", {}).get("template", {})
        assert not [
            key for key in template.get("metadata", {}).get("annotations", {}) if "argo" in key
        ]


def test_no_label_by_which_a_tool_tracks_reaches_a_child_or_its_pods():
    for body in children(labels=TRACKED):
        instance = SELECTOR if "namespace" in body["metadata"] else {}
        assert body["metadata"]["labels"] == {"team": "blue", **OURS, **instance}
    template = children(labels=TRACKED)[-1]["spec"]["template"]
    marks = {"instance.falcosecurity.dev/owner-kind": "Falco"}
    assert template["metadata"]["labels"] == {"team": "blue", **OURS, **SELECTOR, **marks}


@pytest.mark.parametrize("type_", ["DaemonSet", "Deployment"])
def test_selectors_are_what_they_have_always_been(type_):
    made = {body["kind"]: body for body in children(type_=type_, labels=TRACKED)}
    assert made[type_]["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert made["Service"]["spec"]["selector"] == SELECTOR
