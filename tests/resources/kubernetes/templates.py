"""Partial pod templates as users might write them."""

from hypothesis import strategies as st

words = st.sampled_from(["x", "y", "z"])
quantities = st.sampled_from(["200m", "1", "2", "0.5"])


def some(**optional):
    """A map with any of these fields."""
    return st.fixed_dictionaries({}, optional=optional)


def items(key, values, item):
    """A list map: items of this kind with different keys."""
    keyed = st.tuples(st.sampled_from(values), item).map(lambda pair: {key: pair[0], **pair[1]})
    return st.lists(keyed, max_size=3, unique_by=lambda item: item[key])


FROM_NODE = {"fieldRef": {"fieldPath": "spec.nodeName"}}
FROM_SECRET = {"secretKeyRef": {"name": "s", "key": "k"}}
variables = st.sampled_from(
    [{"value": "x"}, {"value": ""}, {"valueFrom": FROM_NODE}, {"valueFrom": FROM_SECRET}]
)
probes = st.sampled_from(
    [
        {"httpGet": {"path": "/x", "port": 1}},
        {"exec": {"command": ["true"]}},
        {"tcpSocket": {"port": 8765}, "periodSeconds": 3},
        {"timeoutSeconds": 7},
    ]
)
containers = st.fixed_dictionaries(
    {"image": words.map("host:5000/{}:1".format)},
    optional={
        "args": st.lists(words, max_size=2),
        "command": st.lists(words, max_size=2),
        "env": items("name", ["HOST_ROOT", "FALCO_HOSTNAME", "MORE", "LESS"], variables),
        "ports": items("containerPort", [8765, 9000], some(protocol=st.just("UDP"))),
        "resources": some(
            limits=st.dictionaries(st.just("cpu"), quantities),
            requests=st.dictionaries(st.just("cpu"), quantities),
        ),
        "startupProbe": probes,
        "livenessProbe": probes,
        "securityContext": some(privileged=st.booleans(), runAsUser=st.integers(0, 3)),
        "volumeMounts": items(
            "mountPath",
            ["/host/dev", "/host/etc", "/more"],
            st.fixed_dictionaries({"name": st.sampled_from(["dev-fs", "etc-fs"])}),
        ),
    },
)
sources = st.sampled_from(
    [
        {"emptyDir": {}},
        {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
        {"hostPath": {"path": "/x"}},
        {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
        {"secret": {"secretName": "s"}},
    ]
)
tolerations = st.sampled_from(
    [{"operator": "Exists"}, {"key": "a", "effect": "NoExecute", "operator": "Exists"}]
)


def templates():
    """Any mix of what can be set, over our containers and volumes and beside them."""
    return some(
        metadata=some(
            labels=st.dictionaries(words, words, max_size=2),
            annotations=st.dictionaries(words, words, max_size=2),
        ),
        spec=some(
            containers=items("name", ["falco", "a", "b"], containers),
            initContainers=items("name", ["artifact-operator", "c", "d"], containers),
            volumes=items("name", ["dev-fs", "etc-fs", "more"], sources),
            tolerations=st.lists(tolerations, max_size=2),
            nodeSelector=st.dictionaries(words, words, max_size=2),
            hostNetwork=st.booleans(),
            terminationGracePeriodSeconds=st.integers(0, 60),
            imagePullSecrets=items("name", ["x", "y"], st.just({})),
            hostAliases=items(
                "ip",
                ["10.0.0.1", "10.0.0.2"],
                st.fixed_dictionaries({"hostnames": st.lists(words, min_size=1, max_size=2)}),
            ),
        ),
    )
