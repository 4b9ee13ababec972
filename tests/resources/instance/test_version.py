import pytest

from resources.instance.version import shown_version, version_of


@pytest.mark.parametrize(
    ("before", "newest", "shown"),
    [
        (None, "0.44.0", "→ 0.44.0"),
        ("→ 0.44.0", "0.44.0", "→ 0.44.0"),
        ("0.43.0", "0.44.0", "0.43.0 → 0.44.0"),
        ("0.43.0 → 0.44.0", "0.44.0", "0.43.0 → 0.44.0"),
        ("0.43.0 → 9.9.9", "0.44.0", "0.43.0, 9.9.9 → 0.44.0"),
        ("0.43.0 → 0.44.0", "0.43.0", "0.44.0 → 0.43.0"),
        ("→ 9.9.9", "0.44.0", "9.9.9 → 0.44.0"),
        ("1, 2, 3 → 4", "5", "2, 3, 4 → 5"),
        ("1, 2, 3 → 4", "2", "1, 3, 4 → 2"),
        ("0.44.0", "0.44.0", "0.44.0"),
        ("0.44.0", None, None),
    ],
)
def test_a_version_that_not_all_pods_run_is_shown_as_a_change(before, newest, shown):
    assert shown_version(before, newest, complete=False) == shown
    assert shown_version(shown, newest, complete=False) == shown


@pytest.mark.parametrize("before", [None, "0.43.0", "→ 0.44.0", "0.43.0 → 0.44.0", "0.44.0"])
def test_the_version_that_all_pods_run_is_shown_alone(before):
    assert shown_version(before, "0.44.0", complete=True) == "0.44.0"


def test_the_version_is_that_of_the_container_with_the_name():
    containers = [{"name": "a", "image": "a:1"}, {"name": "b", "image": "not an image"}]
    workload = {"spec": {"template": {"spec": {"containers": containers}}}}
    assert [version_of(workload, name) for name in "abc"] == ["1", None, None]
    assert version_of(None, "a") is None
