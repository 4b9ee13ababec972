"""The base configuration and the table of keys, held against the facts about each release."""

import pytest
import yaml

from resources.configuration.base import base_config
from resources.configuration.check import problems
from resources.configuration.fragment import is_unknown, read
from resources.configuration.keys import KEYS, Items, Keys
from resources.configuration.merge import MergedConfig
from tests.resources.releases import DIFFERENCES, RELEASES, all_keys, keys_of, number

# The table takes these for gone, although the schema still has them: nothing reads them.
UNREAD = {"container_engines": (0, 41)}
# Not in the table: `grpc` is told as a whole; nothing reads `rule_files`.
UNLISTED = ("grpc.", "rule_files")


def leaves(config, path=""):
    if not isinstance(config, dict):
        yield path.rstrip("."), config
        return
    for key, value in config.items():
        yield from leaves(value, f"{path}{key}.")


def base(release, workload="DaemonSet"):
    tag = RELEASES[release]["tags"][-1]
    return dict(leaves(yaml.safe_load(base_config(workload, tag))))


def expected_of(path):
    first, *names = path.split(".")
    chain = [KEYS[first]]
    for name in names:
        inner = chain[-1].item if isinstance(chain[-1], Items) else chain[-1]
        assert isinstance(inner, Keys)
        chain.append(inner.keys[name])
    return chain


@pytest.mark.parametrize("workload", ["DaemonSet", "Deployment"])
@pytest.mark.parametrize("release", RELEASES)
def test_the_base_configuration_has_only_keys_that_its_release_knows(release, workload):
    assert base(release, workload).keys() <= keys_of(release).keys()


@pytest.mark.parametrize("workload", ["DaemonSet", "Deployment"])
@pytest.mark.parametrize("release", RELEASES)
def test_our_own_check_has_nothing_to_say_of_the_base_configuration(release, workload):
    text = base_config(workload, RELEASES[release]["tags"][-1])
    content = read(text.encode(), number(release))
    assert content.warnings == ()
    assert problems(MergedConfig(content), number(release)) == []


def differing(release):
    """The keys that a Falco with our base configuration decides otherwise than with its own."""
    ours = base(release)
    for key, row in keys_of(release).items():
        if "shipped" in row and ours.get(key, row.get("code")) != row["shipped"]:
            yield key


@pytest.mark.parametrize("release", RELEASES)
def test_falco_decides_as_with_its_own_falco_yaml_but_where_there_is_a_reason(release):
    assert [key for key in differing(release) if key not in DIFFERENCES] == []


def test_every_reason_is_of_a_difference_that_is_there():
    assert DIFFERENCES.keys() == {key for release in RELEASES for key in differing(release)}


@pytest.mark.parametrize("release", RELEASES)
def test_the_table_of_keys_knows_what_the_release_knows(release):
    known, ours = keys_of(release).keys(), set()
    for path in all_keys():
        if path.startswith(UNLISTED):
            continue
        if not any(is_unknown(expected, number(release)) for expected in expected_of(path)):
            ours.add(path)
    unread = {
        key
        for key in known
        if (gone := UNREAD.get(key.partition(".")[0])) and number(release) >= gone
    }
    assert ours == {key for key in known if not key.startswith(UNLISTED)} - unread
