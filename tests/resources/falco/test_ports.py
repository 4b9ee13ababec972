"""Where the containers of a Falco pod listen, in the pod's network and in the host's."""

import pytest
import yaml

from resources.falco.desired import FalcoSettings, desired
from resources.falco.spec import Falco, FalcoSpec
from resources.kubernetes.meta import ObjectMeta
from sidecar.settings import parse

IDENTITY = {"POD_NAMESPACE": "ns", "POD_NAME": "pod", "POD_UID": "uid", "NODE_NAME": "node"}


class Pod:
    """The pod of a Falco with this template, and what goes with it."""

    def __init__(self, name="falco", namespace="ns", **spec):
        meta = ObjectMeta(name=name, namespace=namespace, uid="u")
        falco = Falco(metadata=meta, spec=FalcoSpec(pod_template_spec={"spec": spec}))
        self._bodies = {
            child.ref.kind: child.body for child in desired(falco, FalcoSettings("image"))
        }
        pod = self._bodies["DaemonSet"]["spec"]["template"]["spec"]
        (self.falco,), (*_, self.sidecar) = pod["containers"], pod["initContainers"]
        settings = parse(self.sidecar["args"], IDENTITY)
        self.exposed, self.asked = settings.process.exposed, settings.falco_web_server

    @property
    def configured(self):
        (text,) = self._bodies["ConfigMap"]["data"].values()
        return yaml.safe_load(text)["webserver"]["listen_port"]

    @property
    def service(self):
        return self._bodies["Service"]["spec"]["ports"]

    def probes(self, container):
        found = getattr(self, container)
        return [found[name]["httpGet"] for name in found if name.endswith("Probe")]

    def ports(self, container):
        return {port["name"]: port["containerPort"] for port in getattr(self, container)["ports"]}


def named(container, **ports):
    return [
        {
            "name": container,
            "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        }
    ]


def test_every_port_at_which_others_may_ask_a_container_is_declared():
    pod = Pod()
    assert pod.ports("falco") == {"web": 8765}
    assert pod.ports("sidecar") == {"health": 8081, "metrics": 8080}
    assert str(pod.exposed.health) == ":8081"
    assert str(pod.exposed.metrics) == ":8080"
    assert str(pod.exposed.debug) == "127.0.0.1:8082"
    assert pod.asked == "auto"


def test_in_the_hosts_network_the_sidecar_takes_one_port_of_the_loopback_interface():
    pod = Pod(hostNetwork=True)
    (port,) = pod.ports("sidecar").values()
    assert 20_000 <= port < 30_000
    assert str(pod.exposed.health) == f"127.0.0.1:{port}"
    assert (pod.exposed.metrics, pod.exposed.debug) == (None, None)
    assert [(probe["host"], probe["port"]) for probe in pod.probes("sidecar")] == [
        ("127.0.0.1", port)
    ] * 3


def test_that_port_is_another_for_each_falco_and_always_the_same():
    names = [("a", "falco"), ("b", "falco"), ("a", "other"), ("a-falco", "x"), ("a", "falco-x")]
    pods = [Pod(name, namespace, hostNetwork=True) for namespace, name in names]
    ports = [pod.ports("sidecar")["health"] for pod in pods]
    assert len(set(ports)) == len(names)
    assert Pod("falco", "a", hostNetwork=True).ports("sidecar")["health"] == ports[0]


@pytest.mark.parametrize("in_host", [False, True])
def test_a_port_that_the_template_names_is_followed_by_whoever_listens_and_whoever_asks(in_host):
    pod = Pod(
        hostNetwork=in_host,
        containers=named("falco", web=9765),
        initContainers=named("artifact-operator", health=9081, metrics=9080, debug=9082),
    )
    assert pod.ports("falco") == {"web": 9765}
    assert pod.configured == 9765
    assert pod.asked == "9765"
    assert {probe["port"] for probe in pod.probes("falco")} == {9765}
    assert pod.service == [{"name": "web", "port": 8765, "protocol": "TCP", "targetPort": "web"}]
    assert pod.ports("sidecar") == {"health": 9081, "metrics": 9080, "debug": 9082}
    assert {probe["port"] for probe in pod.probes("sidecar")} == {9081}
    assert str(pod.exposed.health) == ("127.0.0.1:9081" if in_host else ":9081")
    assert str(pod.exposed.metrics) == ":9080"
    assert str(pod.exposed.debug) == "127.0.0.1:9082"


def test_ports_of_other_names_change_nothing():
    pod = Pod(containers=named("falco", other=1), initContainers=named("artifact-operator", web=3))
    assert pod.ports("falco") == {"web": 8765, "other": 1}
    assert pod.ports("sidecar") == {"health": 8081, "metrics": 8080, "web": 3}
    assert pod.configured == 8765
