import pytest

from resources.instance.labels import child_labels, copied_labels, selector_labels

OWN = {
    "app.kubernetes.io/name": "falco",
    "app.kubernetes.io/instance": "falco",
    "app.kubernetes.io/managed-by": "falco-operator",
}


def test_the_selector_is_name_and_instance():
    assert selector_labels("falco") == {
        "app.kubernetes.io/name": "falco",
        "app.kubernetes.io/instance": "falco",
    }


@pytest.mark.parametrize(
    ("labels", "excluded", "expected"),
    [
        (None, [], {}),
        ({"a": "1", "b": "2"}, [], {"a": "1", "b": "2"}),
        ({"a": "1", "b": "2"}, ["a"], {"b": "2"}),
        ({"helm.sh/chart": "1", "b": "2"}, ["helm.sh/*"], {"b": "2"}),
        ({"helm.sh/chart": "1", "helmXsh/chart": "2"}, ["helm.sh/*"], {"helmXsh/chart": "2"}),
        ({"a": "1", "ab": "2", "bab": "3"}, ["*b"], {"a": "1"}),
        ({"a": "1", "axxb": "2"}, ["a*b"], {"a": "1"}),
        ({"a": "1", "b": "2"}, ["*"], {}),
        ({"a": "1", "aa": "2"}, ["a"], {"aa": "2"}),
        ({"a": "1", "b": "2", "c": "3"}, ["a", "c"], {"b": "2"}),
    ],
)
def test_labels_are_copied_except_excluded_keys(labels, excluded, expected):
    assert copied_labels(labels, excluded) == expected
    assert child_labels("falco", labels, excluded) == {**expected, **OWN}


def test_copied_labels_never_replace_our_own():
    theirs = {
        "app.kubernetes.io/instance": "release",
        "app.kubernetes.io/name": "chart",
        "app.kubernetes.io/managed-by": "Helm",
    }
    assert child_labels("falco", theirs, []) == OWN
