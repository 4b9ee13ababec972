"""The check, for each release that is known: its engine, and the keys of falco.yaml."""

import pytest

from resources.check.check_request import Context
from resources.rules.versions import semantic_version, versions_of
from tests.resources.check.nodes import Node, rule
from tests.resources.releases import RELEASES, all_keys, keys_of

TAGS = {release: facts["tags"][-1] for release, facts in RELEASES.items()}
# Each is known since, or up to, another release; the value does no harm.
FRAGMENTS = {
    "append_output": "[{extra_output: more}]",
    "buffer_format_base64": "false",
    "capture.enabled": "false",
    "container_engines.cri.enabled": "true",
    "falco_libs.thread_table_size": "262144",
    "grpc_output.enabled": "false",
    "json_include_message_property": "true",
    "json_include_output_fields_property": "true",
    "plugins_hostinfo": "true",
}


def node_of(tag):
    return Node(Context(engine_version=versions_of(tag).engine, falco_version=tag))


def needs_engine(version):
    return f"- required_engine_version: {version}\n{rule('R')}"


@pytest.mark.parametrize(("release", "tag"), TAGS.items())
def test_rules_may_need_the_engine_of_the_release_and_none_that_is_newer(release, tag):
    node = node_of(tag)
    engine = semantic_version(RELEASES[release]["engine"])
    assert engine is not None
    node.rules("50-01-r.yaml", needs_engine(engine))
    newer = node.rules("60-01-s.yaml", needs_engine(engine._replace(minor=engine.minor + 1)))
    verdict = node.check()
    assert verdict.chosen.pop(newer) == "none"
    assert set(verdict.chosen.values()) == {"wanted"}
    assert verdict.problems[newer] == (
        (
            f"required_engine_version (line 1): needs engine 0.{engine.minor + 1}.0, "
            f"this Falco has {engine}"
        ),
    )


@pytest.mark.parametrize("tag", ["0.46.0", "1.0.0", "latest", ""])
def test_a_release_that_nobody_knows_is_no_error(tag):
    node = node_of(tag)
    node.rules("50-01-r.yaml", needs_engine("0.99.0"))
    node.config("50-01-c.yaml", "json_output: true\n")
    verdict = node.check()
    assert (set(verdict.chosen.values()), verdict.problems) == ({"wanted"}, {})


@pytest.mark.parametrize("key", FRAGMENTS)
@pytest.mark.parametrize(("release", "tag"), TAGS.items())
def test_a_key_is_warned_of_where_the_release_does_not_know_it(release, tag, key):
    assert key in all_keys()
    first, *inner = key.split(".")
    value = FRAGMENTS[key]
    for name in reversed(inner):
        value = f"{{{name}: {value}}}"
    node = node_of(tag)
    config = node.config("50-01-c.yaml", f"{first}: {value}\n")
    verdict = node.check()
    assert verdict.chosen == {config: "wanted"}
    warned = any("does not know it" in text for text in verdict.warnings.get(config, ()))
    is_read = key in keys_of(release) and "code" in keys_of(release)[key]
    assert warned is not is_read


def test_what_falco_says_counts_before_its_image():
    node = Node(Context(falco_version="latest", says_version="0.38.2"))
    config = node.config("50-01-c.yaml", "json_include_message_property: true\n")
    (warning,) = node.check().warnings[config]
    assert warning.endswith("Falco does not know it")
