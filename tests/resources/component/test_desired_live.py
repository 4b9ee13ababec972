"""Every child of every type against the API server's own bookkeeping of managed fields."""

from uuid import uuid4

import pytest

from resources.component.catalog import COMPONENT_TYPES
from resources.component.desired import desired
from resources.component.spec import FIELD_MANAGER, Component, ComponentChoice, ComponentSpec
from resources.kubernetes.managed_fields import differences
from resources.kubernetes.meta import ObjectMeta
from tests.resources.live import apply

ENV = [{"name": "REDIS_ADDR", "valueFrom": {"secretKeyRef": {"name": "redis", "key": "at"}}}]


@pytest.fixture
def meta(control_plane):
    """The metadata of a stored Component without an operator; its children go with it."""
    control_plane.apply_crds(["crds/"])
    name = f"component-{uuid4().hex[:8]}"
    manifest = {
        "apiVersion": "instance.falcosecurity.dev/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"component": {"type": "metacollector"}},
    }
    _, stored = apply(control_plane, manifest, "test")
    yield ObjectMeta(
        name=name,
        namespace="default",
        uid=stored["metadata"]["uid"],
        labels={"team": "blue"},
    )
    control_plane.kubectl("delete", "component", name)
    for kind in ("clusterrole", "clusterrolebinding"):
        control_plane.kubectl("delete", kind, f"{name}--default", "--ignore-not-found")


def component(meta, type_, **spec):
    choice = ComponentChoice(type=type_)
    return Component(metadata=meta, spec=ComponentSpec(component=choice, **spec))


def settles(control_plane, child):
    """Applies the child; a second apply would change nothing, and does not."""
    status, live = apply(control_plane, child.body, FIELD_MANAGER)
    assert status in (200, 201), live["message"]
    assert differences(child.body, live, FIELD_MANAGER) == ()
    _, again = apply(control_plane, child.body, FIELD_MANAGER)
    written = "generation" if "generation" in live["metadata"] else "resourceVersion"
    assert again["metadata"][written] == live["metadata"][written]


@pytest.mark.parametrize("type_", COMPONENT_TYPES)
def test_no_child_that_was_applied_needs_another_write(control_plane, meta, type_):
    for child in desired(component(meta, type_), ()):
        settles(control_plane, child)


def test_every_change_of_type_is_accepted_and_settles(control_plane, meta):
    for type_ in (*COMPONENT_TYPES, *COMPONENT_TYPES):
        settles(control_plane, desired(component(meta, type_), ())[-1])


def test_a_redis_address_from_a_secret_takes_the_place_of_the_default(control_plane, meta):
    container = {"name": "falcosidekick-ui", "env": ENV}
    for template in (None, {"spec": {"containers": [container]}}, None):
        resource = component(meta, "falcosidekick-ui", pod_template_spec=template)
        settles(control_plane, desired(resource, ())[-1])
