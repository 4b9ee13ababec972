"""A type of Component is a file: putting it there is all there is to do."""

import json
import subprocess
import sys
from pathlib import Path

from crds.generate import DIRECTORY
from resources.component import types as component_types
from resources.component.catalog import COMPONENT_TYPES, granted_rules
from tests.resources.fourth_type import installed

PRINT_IT = """
import json, sys

from resources.component.catalog import granted_rules
from resources.component.desired import desired
from resources.component.spec import DEFINITION, Component, ComponentChoice, ComponentSpec
from crds.crd import root_schema
from resources.kubernetes.meta import ObjectMeta

meta = ObjectMeta(name="c", namespace="ns", uid="u-1")
spec = ComponentSpec(component=ComponentChoice(type="fourth"))
schemas = {
    "io.k8s.api.core.v1.PodTemplateSpec": {"type": "object"},
    "io.k8s.api.apps.v1.DeploymentStrategy": {"type": "object"},
}
found = {
    "crd": root_schema(DEFINITION, schemas),
    "children": [child.body for child in desired(Component(metadata=meta, spec=spec), ())],
    "granted": granted_rules(),
}
json.dump(found, sys.stdout)
"""


def test_every_file_is_a_type_of_its_own():
    result = {path.stem for path in Path(component_types.__file__).parent.glob("*.py")}
    assert len(COMPONENT_TYPES) == len(result - {"__init__"})


def test_a_fourth_file_is_in_the_crd_has_children_and_says_what_it_grants(tmp_path):
    program = installed(tmp_path) + PRINT_IT
    command = [sys.executable, "-c", program]
    result = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    choice = result["crd"]["properties"]["spec"]["properties"]["component"]
    types = ["falcosidekick", "falcosidekick-ui", "fourth", "metacollector"]
    assert choice["properties"]["type"]["enum"] == types
    bodies = {body["kind"]: body for body in result["children"]}
    assert set(bodies) == {"ServiceAccount", "Service", "Role", "RoleBinding", "Deployment"}
    assert bodies["Deployment"]["spec"]["replicas"] == 4
    [container] = bodies["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container == {
        "name": "fourth",
        "image": "example.com/fourth:4.0",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 4444, "name": "http", "protocol": "TCP"}],
    }
    assert bodies["Role"]["rules"][0] in result["granted"]
    assert len(result["granted"]) == len(granted_rules()) + 1


def test_what_is_granted_is_what_the_types_grant():
    assert sorted(resource for rule in granted_rules() for resource in rule["resources"]) == [
        "daemonsets",
        "deployments",
        "endpoints",
        "endpoints",
        "endpointslices",
        "namespaces",
        "pods",
        "replicasets",
        "replicationcontrollers",
        "services",
    ]


def test_the_crd_that_is_installed_has_every_type():
    text = (DIRECTORY / "components.instance.falcosecurity.dev.yaml").read_text("utf-8")
    for name in COMPONENT_TYPES:
        assert f"- {name}\n" in text
