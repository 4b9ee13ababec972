"""What rules files need, as the check tells it."""

from resources.check.check_request import Context
from resources.check.needs import Needs
from resources.registry.request import Dependency, Requirement
from tests.resources.check.nodes import Node, needs_plugin, rule

ENGINE = "- required_engine_version: {}\n"
ALTERNATIVES = """\
- required_plugin_versions:
  - name: k8saudit
    version: 0.7.0
    alternatives: [{name: k8saudit-eks, version: 0.4.0}, {name: k8saudit-gke, version: 0.1.0}]
  - name: json
    version: 0.7.0
"""


def needs_of(*texts):
    node = Node(Context())
    for at, text in enumerate(texts):
        node.rules(f"5{at}-01-r.yaml", text)
    return list(node.check().needs.values())


def test_rules_need_an_engine_and_plugins_with_alternatives():
    others = (Requirement("k8saudit-eks", "0.4.0"), Requirement("k8saudit-gke", "0.1.0"))
    assert needs_of(ENGINE.format(50) + ALTERNATIVES + rule("R"), rule("S")) == [
        Needs(
            (Requirement("engine_version_semver", "0.50.0"),),
            (Dependency("k8saudit", "0.7.0", others), Dependency("json", "0.7.0")),
        ),
        Needs(),
    ]


def test_what_is_installed_has_its_needs_beside_what_is_wanted():
    node = Node()
    node.rules("50-01-r.yaml", ENGINE.format("0.99.0"), ENGINE.format("0.1.0"))
    versions = [needs.requirements[0].version for needs in node.check().needs.values()]
    assert sorted(versions) == ["0.1.0", "0.99.0"]


def test_each_need_counts_once_and_nobody_has_many():
    many = "".join(needs_plugin(f"p{at}", "1.0.0") for at in range(99))
    (needs,) = needs_of(ENGINE.format("0.1.0") * 9 + many)
    assert (len(needs.requirements), len(needs.dependencies)) == (1, 20)


def test_a_long_name_is_kept_short():
    ((dependency,),) = [needs.dependencies for needs in needs_of(needs_plugin("x" * 5000, "1.0.0"))]
    assert len(dependency.name) == 128


def test_nothing_is_known_of_what_cannot_be_read():
    assert needs_of("{") == []


def test_the_plugins_that_falco_loads_are_named():
    node = Node()
    node.plugin("container", "0.4.1")
    node.plugin("json", None, "0.7.0")
    assert node.check().plugins == ("container",)
