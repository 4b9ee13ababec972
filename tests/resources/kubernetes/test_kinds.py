import pytest

from resources.kubernetes.kinds import KINDS, collection_path, object_path
from resources.kubernetes.reference import ObjectRef


@pytest.mark.parametrize(
    ("kind", "namespace", "path"),
    [
        ("Falco", "", "/apis/instance.falcosecurity.dev/v1alpha1/falcos"),
        ("Falco", "a", "/apis/instance.falcosecurity.dev/v1alpha1/namespaces/a/falcos"),
        ("Secret", "a", "/api/v1/namespaces/a/secrets"),
        ("Node", "", "/api/v1/nodes"),
        ("ClusterRole", "", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("Event", "a", "/apis/events.k8s.io/v1/namespaces/a/events"),
    ],
)
def test_a_kind_is_served_at_the_path_of_its_group(kind, namespace, path):
    assert collection_path(kind, namespace) == path


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (ObjectRef("DaemonSet", "a", "x"), "/apis/apps/v1/namespaces/a/daemonsets/x"),
        (
            ObjectRef("ClusterRole", "", "x--a"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/x--a",
        ),
    ],
)
def test_an_object_is_served_below_its_kind(ref, path):
    assert object_path(ref) == path


def test_the_core_group_has_no_slash_in_its_api_version():
    assert KINDS["Secret"].api_version == "v1"
    assert KINDS["Falco"].api_version == "instance.falcosecurity.dev/v1alpha1"
