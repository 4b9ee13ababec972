from resources.falco.rights import FALCO_CLUSTER_RULES, falco_rules
from resources.instance.children import Parent
from resources.instance.rbac import cluster_rights, namespaced_rights
from resources.kubernetes.reference import ObjectRef, Owner

PARENT = Parent(Owner(ObjectRef("Falco", "ns", "falco"), "u-1"), {})

ARTIFACTS = [
    {
        "apiGroups": ["artifact.falcosecurity.dev"],
        "resources": ["rulesfiles", "plugins", "configs"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["artifact.falcosecurity.dev"],
        "resources": ["nodereports"],
        "verbs": ["get", "create", "patch"],
    },
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
]


def test_without_names_there_is_no_rule_for_secrets_and_config_maps():
    assert falco_rules() == ARTIFACTS


def test_only_named_secrets_and_config_maps_may_be_read_and_in_fixed_order():
    assert falco_rules(secrets={"b", "a"}, config_maps=iter(["c"])) == [
        *ARTIFACTS,
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "verbs": ["get"],
            "resourceNames": ["a", "b"],
        },
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["c"]},
    ]


def test_cluster_wide_only_nodes_may_be_read():
    assert FALCO_CLUSTER_RULES == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
    ]


def test_a_role_is_bound_to_the_service_account_after_it_is_there():
    role, binding = namespaced_rights(PARENT, ARTIFACTS)
    assert (role.wave, role.body["rules"]) == (1, ARTIFACTS)
    assert (binding.wave, binding.after) == (2, (ObjectRef("Role", "ns", "falco"),))
    assert binding.body["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Role",
        "name": "falco",
    }
    assert binding.body["subjects"] == [
        {"kind": "ServiceAccount", "name": "falco", "namespace": "ns"}
    ]


def test_a_cluster_role_is_bound_to_the_service_account_after_it_is_there():
    role, binding = cluster_rights(PARENT, FALCO_CLUSTER_RULES)
    assert (role.wave, role.ref) == (2, ObjectRef("ClusterRole", "", "falco--ns"))
    assert (binding.wave, binding.after) == (3, (role.ref,))
    assert binding.body["roleRef"]["kind"] == "ClusterRole"
    assert binding.body["roleRef"]["name"] == "falco--ns"
    assert binding.body["subjects"] == [
        {"kind": "ServiceAccount", "name": "falco", "namespace": "ns"}
    ]
