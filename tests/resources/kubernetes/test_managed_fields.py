import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.managed_fields import Difference, differences
from resources.kubernetes.merge_shapes import SHAPES
from resources.kubernetes.meta import ObjectMeta
from tests.resources.kubernetes.applied import applied, entry

MANAGER = "falco-controller"
META = ObjectMeta(
    name="falco", namespace="default", uid="u-1", labels={"team": "blue", "helm.sh/chart": "x"}
)
BODIES = [
    child.body
    for kind in ("DaemonSet", "Deployment")
    for child in desired(Falco(metadata=META, spec=FalcoSpec(type=kind)), FalcoSettings())
]
DAEMON_SET = next(body for body in BODIES if body["kind"] == "DaemonSet")
IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


def leaves(value, path=()):
    """Paths of all scalars and empty collections."""
    if path in IDENTITY:
        return
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from leaves(child, (*path, key))
    else:
        yield path


def at(value, path):
    for key in path:
        value = value[key]
    return value


def differs(value):
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x" if value != {} else {"other": "x"}


bodies = st.sampled_from(BODIES)
names = st.text("abc", min_size=1, max_size=3)


def by_name(item):
    return item["name"]


def by_port(item):
    return item["containerPort"], item.get("protocol", "TCP")


def some(**optional):
    """A map with any of these fields."""
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def workloads(draw):
    """A Deployment with any mix of list maps, atomic lists, maps and zero values."""
    env = st.builds(
        lambda name, value: {"name": name, "value": value}, names, st.sampled_from(["", "x", "y"])
    )
    port = st.fixed_dictionaries(
        {"containerPort": st.integers(1, 9)},
        optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": names},
    )
    container = st.fixed_dictionaries(
        {"name": names},
        optional={
            "image": names,
            "args": st.lists(names, max_size=3),
            "env": st.lists(env, max_size=3, unique_by=by_name),
            "ports": st.lists(
                port,
                max_size=3,
                unique_by=by_port,
            ),
            "resources": some(limits=st.dictionaries(names, st.sampled_from(["1", "1000m"]))),
        },
    )
    spec = st.fixed_dictionaries(
        {"hostNetwork": st.booleans()},
        optional={
            "containers": st.lists(container, max_size=3, unique_by=by_name),
            "tolerations": st.lists(st.dictionaries(names, names, max_size=2), max_size=2),
            "nodeSelector": st.dictionaries(names, names, max_size=2),
        },
    )
    metadata = {"name": "x", "labels": draw(st.dictionaries(names, names, max_size=3))}
    template = {"spec": draw(spec)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"template": template},
    }


@given(bodies | workloads())
def test_what_was_just_applied_needs_no_write(body):
    assert differences(body, applied(body), MANAGER) == ()


@given(bodies, st.data())
def test_any_changed_value_is_reported(body, data):
    path = data.draw(st.sampled_from(list(leaves(body))))
    wanted = copy.deepcopy(body)
    at(wanted, path[:-1])[path[-1]] = differs(at(body, path))
    assert differences(wanted, applied(body), MANAGER)


@given(bodies, st.data())
def test_any_removed_value_is_reported_as_extra(body, data):
    path = data.draw(st.sampled_from([path for path in leaves(body) if is_plain_field(path)]))
    wanted = copy.deepcopy(body)
    del at(wanted, path[:-1])[path[-1]]
    result = differences(wanted, applied(body), MANAGER)
    assert result
    expected = {"changed"} if inside_atomic(body, path) else {"extra"}
    assert expected <= {difference.kind for difference in result}


def is_plain_field(path):
    """A field by name, and not one that tells list items apart."""
    return isinstance(path[-1], str) and path[-1] not in {"name", "mountPath", "uid"}


def inside_atomic(body, path):
    shape = SHAPES[body["kind"]]
    value = body
    for key in path:
        if shape.atomic or (isinstance(value, list) and not (shape.keys or shape.is_set)):
            return True
        value = value[key]
        shape = shape.of_item() if isinstance(key, int) else shape.under(key)
    return False


@given(workloads(), workloads())
def test_no_difference_means_that_both_would_own_and_say_the_same(wanted, before):
    live = applied(before)
    if differences(wanted, live, MANAGER) == ():
        assert applied(wanted)["metadata"]["managedFields"] == live["metadata"]["managedFields"]


@given(workloads(), workloads())
def test_what_other_managers_add_is_no_difference(body, other):
    live = applied(body)
    live["metadata"]["managedFields"].extend(
        [
            entry(
                "kubectl-edit", applied(other)["metadata"]["managedFields"][0]["fieldsV1"], "Update"
            ),
            entry(MANAGER, {"f:status": {}}, subresource="status"),
        ]
    )
    live["metadata"]["annotations"] = {"a": "b"}
    live["status"] = {"x": 1}
    live["spec"]["template"]["spec"].setdefault("containers", []).append({"name": "other"})
    assert differences(body, live, MANAGER) == ()


def deployment(**pod):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": {"containers": [{"name": "falco", **pod}]}}},
    }


def container(live):
    return live["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("wanted", "stored"),
    [
        ({"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
        (
            {"resources": {"limits": {"memory": "1024Mi"}}},
            {"resources": {"limits": {"memory": "1Gi"}}},
        ),
        ({"resources": {"limits": {"cpu": 1}}}, {"resources": {"limits": {"cpu": "1"}}}),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
        ({"args": []}, {}),
        ({"tty": False}, {}),
        ({"workingDir": ""}, {}),
        ({"resources": {}}, {"resources": {}}),
        ({"securityContext": {}}, {"securityContext": {"privileged": True}}),
        ({"volumeMounts": []}, {}),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
            {
                "env": [
                    {"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "x"}}}
                ]
            },
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "x"}}}]},
            {
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {"resourceFieldRef": {"resource": "x", "divisor": "0"}},
                    }
                ]
            },
        ),
        ({"ports": [{"containerPort": 1}]}, {"ports": [{"containerPort": 1, "protocol": "TCP"}]}),
    ],
)
def test_what_the_api_server_spells_otherwise_is_no_difference(wanted, stored):
    live = applied(deployment(**wanted))
    live["spec"]["template"]["spec"]["containers"] = [{"name": "falco", **stored}]
    assert differences(deployment(**wanted), live, MANAGER) == ()


PREFIX = "spec.template.spec.containers[name=falco]"


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [
        ({"image": "a"}, {"image": "b"}, (f"{PREFIX}.image", "changed")),
        ({"image": "a"}, {}, (f"{PREFIX}.image", "extra")),
        ({}, {"image": "a"}, (f"{PREFIX}.image", "missing")),
        ({"args": ["a"]}, {"args": ["a", "b"]}, (f"{PREFIX}.args", "changed")),
        ({"args": ["a"]}, {"args": []}, (f"{PREFIX}.args", "changed")),
        ({"args": ["a"]}, {}, (f"{PREFIX}.args", "extra")),
        ({"args": []}, {}, (f"{PREFIX}.args", "extra")),
        (
            {"livenessProbe": {"periodSeconds": 1, "httpGet": {"port": 1}}},
            {},
            (f"{PREFIX}.livenessProbe", "extra"),
        ),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            (f"{PREFIX}.env[name=B]", "missing"),
        ),
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
            (f"{PREFIX}.env", "changed"),
        ),
        (
            {"ports": [{"containerPort": 1}]},
            {"ports": [{"containerPort": 1, "protocol": "TCP"}]},
            (f"{PREFIX}.ports[containerPort=1,protocol=TCP].protocol", "missing"),
        ),
        (
            {"securityContext": {}},
            {"securityContext": {"privileged": True}},
            (f"{PREFIX}.securityContext.privileged", "missing"),
        ),
    ],
)
def test_a_difference_names_the_field_and_its_kind(before, wanted, expected):
    result = differences(deployment(**wanted), applied(deployment(**before)), MANAGER)
    path, kind = expected
    assert result == (Difference(path, kind, None),)


def taken_by(other, live, field):
    """Another manager has changed a container's field: it owns it now, and we do not."""
    fields = live["metadata"]["managedFields"][0]["fieldsV1"]
    item = 'k:{"name":"falco"}'
    containers = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]
    del containers[item][f"f:{field}"]
    theirs: dict = {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {item: {f"f:{field}": {}}}}}}
    }
    live["metadata"]["managedFields"].append(entry(other, theirs, "Update"))


def test_a_field_that_another_manager_took_names_that_manager():
    live = applied(deployment(image="a"))
    taken_by("kubectl-edit", live, "image")
    container(live)["image"] = "b"
    assert differences(deployment(image="a"), live, MANAGER) == (
        Difference(f"{PREFIX}.image", "changed", "kubectl-edit"),
    )


def test_the_latest_of_several_owners_is_named():
    live = applied(deployment(image="a"))
    taken_by("first", live, "image")
    first = live["metadata"]["managedFields"][1]
    latest = entry("latest", first["fieldsV1"], "Apply", "2026-01-02T00:00:00Z")
    live["metadata"]["managedFields"].insert(1, latest)
    container(live)["image"] = "b"
    [result] = differences(deployment(image="a"), live, MANAGER)
    assert result.other_manager == "latest"


def test_a_removed_field_is_missing_and_nobody_owns_it():
    live = applied(deployment(image="a", tty=True))
    taken_by("kubectl-edit", live, "image")
    del container(live)["image"]
    live["metadata"]["managedFields"].pop()
    assert differences(deployment(image="a", tty=True), live, MANAGER) == (
        Difference(f"{PREFIX}.image", "missing", None),
    )


def test_an_object_that_we_never_applied_differs_in_everything():
    live = applied(DAEMON_SET, manager="someone-else")
    result = differences(DAEMON_SET, live, MANAGER)
    assert {difference.other_manager for difference in result} == {"someone-else"}
    assert {difference.kind for difference in result} == {"unowned"}


def test_our_entry_for_another_subresource_or_operation_owns_nothing_here():
    live = applied(DAEMON_SET)
    fields = live["metadata"]["managedFields"][0]["fieldsV1"]
    live["metadata"]["managedFields"] = [
        entry(MANAGER, fields, subresource="scale"),
        entry(MANAGER, fields, operation="Update"),
    ]
    result = differences(DAEMON_SET, live, MANAGER)
    assert {difference.kind for difference in result} == {"unowned"}


def test_an_object_without_managed_fields_can_be_compared():
    live = {"metadata": {"name": "x"}, "spec": {}}
    assert differences(deployment(image="a"), live, MANAGER) == (
        Difference("spec.template", "missing", None),
    )


def test_owner_references_are_told_apart_by_uid():
    body = DAEMON_SET
    recreated = copy.deepcopy(body)
    recreated["metadata"]["ownerReferences"][0]["uid"] = "u-2"
    assert differences(recreated, applied(body), MANAGER) == (
        Difference("metadata.ownerReferences[uid=u-2]", "missing", None),
        Difference("metadata.ownerReferences[uid=u-1]", "extra", None),
    )
