"""What happens to the operator in the life of a cluster: upgrades, replicas, drains."""

import os
import signal

import pytest

from deploy.local.node.images import OPERATOR as IMAGE
from deploy.local.target import INSTALL
from tests.eventually import eventually
from tests.node.kube import (
    FALCO,
    OPERATOR,
    SIDECAR,
    container_id,
    container_status,
)

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("falco")]

NAME, _, TAG = IMAGE.rpartition("/")[2].partition(":")
UPGRADE = f"{TAG}-upgrade"
MINE = "50-03-mine-inline.yaml"
MACROS = ({"macro": "m", "condition": f"proc.name = p{number}"} for number in range(1000))


@pytest.fixture(scope="module")
def falco(namespace):
    """A Falco with rules, Available."""
    namespace.apply("Rulesfile", "mine", inlineRules=[next(MACROS)])
    namespace.quick("served", type="Deployment")
    namespace.available("served")


def is_served(namespace):
    """The operator and the Falco do what they are there for."""
    namespace.apply("Rulesfile", "mine", inlineRules=[next(MACROS)])
    namespace.programmed("Rulesfile", "mine", within=90)
    namespace.available("served")
    eventually(lambda: set(namespace.rules("served")) == {MINE}, within=60)


def apply(kube, tag=TAG, replicas=1):
    """As a user changes `install.yaml`."""
    text = INSTALL.read_text().replace(f"{NAME}:{TAG}", f"{NAME}:{tag}")
    changed = text.replace("  replicas: 1\n", f"  replicas: {replicas}\n")
    kube.plane.kubectl("apply", "--server-side", "--filename=-", input=changed)


def name_of(pod):
    return pod["metadata"]["name"]


def statuses(kube):
    """The status of the container in each operator pod, by the pod's name."""
    return {name_of(pod): container_status(pod, OPERATOR) for pod in kube.operators()}


def lines_of_holders(kube, pod):
    lines = kube.logs(pod, OPERATOR).splitlines()
    return "".join(line for line in lines if "holds the Lease" in line)


def image_of(pod, container):
    listed = [*pod["spec"]["containers"], *pod["spec"].get("initContainers", ())]
    return next(known["image"] for known in listed if known["name"] == container)


def is_leading(kube):
    return container_status(kube.of_operator(), OPERATOR).get("ready")


def test_an_upgrade_takes_the_sidecars_along(installed, namespace, figures):
    installed.node.ctr("images", "tag", IMAGE, IMAGE.replace(TAG, UPGRADE))
    for tag in (UPGRADE, TAG):

        def is_new(tag=tag):
            return image_of(namespace.pod("served"), SIDECAR) == f"{NAME}:{tag}"

        with figures.took("upgrade of the operator, until its Falco is Available again"):
            apply(installed, tag)
            eventually(is_new, within=120)
            eventually(lambda: is_leading(installed), within=60)
            is_served(namespace)
        assert image_of(installed.of_operator(), OPERATOR) == f"{NAME}:{tag}"


def test_a_leader_that_hangs_is_replaced_and_steps_down(installed, namespace, figures):
    apply(installed, replicas=2)
    eventually(lambda: len(installed.operators()) == 2, within=60)
    holder, pod = installed.leader()
    (other,) = [name for name in statuses(installed) if name != name_of(pod)]
    eventually(lambda: "running" in statuses(installed)[other].get("state", {}), within=60)
    with figures.took("hang of the leader, until its place is taken and a Rulesfile Programmed"):
        os.kill(installed.process(pod, OPERATOR), signal.SIGSTOP)
        eventually(lambda: installed.leader()[0] != holder, within=60)
        is_served(namespace)
    os.kill(installed.process(pod, OPERATOR), signal.SIGCONT)
    eventually(lambda: other in lines_of_holders(installed, pod), within=60)
    eventually(lambda: all(known["ready"] for known in statuses(installed).values()), within=60)
    assert name_of(installed.leader()[1]) == other
    apply(installed)
    eventually(lambda: is_leading(installed), within=90)
    is_served(namespace)


def test_a_drained_node_gives_everything_back(installed, namespace):
    falco, operator = namespace.pod("served"), installed.of_operator()
    with installed.cordoned():
        for pod in (operator, falco):
            installed.evict(pod)
        for pod in (operator, falco):
            where = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            eventually(lambda where=where: installed.api.get("Pod", *where) is None, within=60)
    eventually(lambda: is_leading(installed), within=90)
    is_served(namespace)
    assert container_id(namespace.pod("served"), FALCO) != container_id(falco, FALCO)
