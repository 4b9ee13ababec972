"""The overlay against what the API server makes of two applies by two managers."""

import copy
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.meta import ObjectMeta
from resources.kubernetes.overlay import normalized, pod_template
from tests.resources.kubernetes.templates import templates
from tests.resources.live import apply
from tests.sampled import examples

META = ObjectMeta(name="overlay-defaults", namespace="default", uid="unused")
SPEC = FalcoSpec(type="DaemonSet", update_strategy={"type": "OnDelete"})
# Tagged images only: what the API server fills in for `latest` outlives a change of the image.
SETTINGS = FalcoSettings(sidecar_image="host:5000/artifact-operator:1")
DEFAULTS = desired(Falco(metadata=META, spec=SPEC), SETTINGS)[-1].body


@pytest.fixture(scope="module")
def stored(control_plane):
    """The defaults, applied by the operator's field manager; no pod ever fits a node."""
    body = without_owner(DEFAULTS)
    status, live = apply(control_plane, body)
    assert status == 201, live
    yield live
    control_plane.kubectl("delete", "daemonset", META.name)


def without_owner(body, name=META.name, **spec):
    """The workload as no garbage collector minds it, and with other parts of its spec."""
    plain = copy.deepcopy(body)
    plain["metadata"] = {"name": name, "namespace": "default"}
    plain["spec"].update(spec)
    return plain


def template_of(live):
    return live["spec"]["template"]


def both_of(live):
    """Whether the API server was left with two fields that exclude each other."""
    texts = ("may not specify more than 1", "may not be specified when `value` is not empty")
    return any(text in live["message"] for text in texts)


@examples(50, 300)
@pytest.mark.usefixtures("stored")
def test_the_result_is_what_the_api_server_makes_of_two_applies(control_plane, examples):
    seen: Counter[str] = Counter()

    # The same ones each time: how many of them are of which sort is asserted below.
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(templates())
    def check(overlay):
        over = without_owner({"metadata": {}, "spec": {"template": overlay}})
        over |= {"apiVersion": "apps/v1", "kind": "DaemonSet"}
        theirs_status, theirs = apply(control_plane, over, "user", dryRun="All")
        template = pod_template(DEFAULTS["spec"]["template"], normalized(overlay))
        ours_status, ours = apply(
            control_plane, without_owner(DEFAULTS, "overlay-fresh", template=template), dryRun="All"
        )
        if theirs_status == 200:
            seen["same"] += 1
            assert ours_status == 201, ours["message"]
            assert template_of(ours) == template_of(theirs)
        elif ours_status == 201:
            seen["only ours is valid"] += 1
            assert both_of(theirs), theirs["message"]
        else:
            seen["both refused"] += 1

    check()
    assert seen["same"] >= examples // 4, seen
    assert seen["only ours is valid"] > 0, seen


@pytest.mark.usefixtures("stored")
def test_an_empty_value_of_each_variable_is_taken_as_the_api_server_takes_it(control_plane):
    names = ("HOST_ROOT", "FALCO_HOSTNAME", "FALCO_K8S_NODE_NAME", "MORE")
    env = [{"name": name, "value": ""} for name in names]
    overlay = {"spec": {"containers": [{"name": "falco", "image": "x:1", "env": env}]}}
    template = pod_template(DEFAULTS["spec"]["template"], normalized(overlay))
    over = without_owner({"metadata": {}, "spec": {"template": overlay}})
    over |= {"apiVersion": "apps/v1", "kind": "DaemonSet"}
    _, theirs = apply(control_plane, over, "user", dryRun="All")
    fresh = without_owner(DEFAULTS, "overlay-fresh", template=template)
    _, ours = apply(control_plane, fresh, dryRun="All")
    assert template_of(ours) == template_of(theirs)


def test_the_order_of_items_is_that_of_the_api_server(control_plane, stored):
    [falco] = stored["spec"]["template"]["spec"]["containers"]
    ours = {variable["name"]: variable for variable in falco["env"]}
    assert len(ours) == 3
    for count in range(5):
        for names in permutations([*ours, "X", "Y"], count):
            env = [ours.get(name, {"name": name, "value": "x"}) for name in names]
            overlay = {"spec": {"containers": [{"name": "falco", "image": "x:1", "env": env}]}}
            merged = pod_template(DEFAULTS["spec"]["template"], normalized(overlay))
            over = without_owner({"metadata": {}, "spec": {"template": overlay}})
            over |= {"apiVersion": "apps/v1", "kind": "DaemonSet"}
            _, theirs = apply(control_plane, over, "user", dryRun="All")
            assert order_of(merged) == order_of(theirs["spec"]["template"]), names


def order_of(template):
    return [variable["name"] for variable in template["spec"]["containers"][0]["env"]]
