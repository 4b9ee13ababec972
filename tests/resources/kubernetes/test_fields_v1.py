import pytest

from resources.kubernetes.fields_v1 import encoded, human


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            ("f:spec", "f:containers", 'k:{"name":"falco"}', "f:image"),
            "spec.containers[name=falco].image",
        ),
        (("f:ports", 'k:{"port":1,"protocol":"TCP"}'), "ports[port=1,protocol=TCP]"),
        (("f:metadata", "f:labels", "f:helm.sh/chart"), 'metadata.labels["helm.sh/chart"]'),
        (("f:data", "f:falco.yaml"), 'data["falco.yaml"]'),
        (("f:finalizers", 'v:"x"'), 'finalizers["x"]'),
        (("f:list", "i:3"), "list[3]"),
    ],
)
def test_a_path_reads_as_people_write_it(path, text):
    assert human(path) == text


def test_an_item_is_spelt_with_sorted_keys_and_without_absent_ones():
    keys = ("protocol", "port", "name")
    assert encoded(keys, ("TCP", 80, None)) == 'k:{"port":80,"protocol":"TCP"}'
