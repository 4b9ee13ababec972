"""Artifacts from a real registry."""

import hashlib
import os
import subprocess
import sys

import pytest

from actors.registry.client import RegistryError, pull
from deploy.local import Registry
from deploy.local.publisher import Repository, archive, publish_plugin, push_artifact, push_manifest
from resources.registry.request import Dependency, Endpoint, Lookup, Requirement
from tests.actors.registry.published import LIBRARIES, RULES, Published
from tests.actors.registry.pulling import (
    endpoint_of,
    found,
    looked_up,
    not_found,
    problem_of,
    pulled,
    refused,
    request,
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return Published(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def registry(published):
    with Registry(published.directory) as started:
        yield started


@pytest.fixture
def endpoint(registry):
    """Of a repository in the registry."""
    return lambda repository: endpoint_of(registry.address, repository, plain_http=True)


async def test_a_rules_file_is_pulled_with_what_it_says_of_itself(published, endpoint, tmp_path):
    answer, content = await pulled(endpoint("falco/rules"), published.rules, tmp_path)
    assert content == RULES
    assert (answer.sha256, answer.size) == (hashlib.sha256(RULES).hexdigest(), len(RULES))
    assert (answer.name, answer.version) == ("falco-rules", "1.2.3")
    assert answer.requirements == (Requirement("engine_version_semver", "31"),)
    assert answer.dependencies == (Dependency("json", "0.7.0", (Requirement("k8s", "0.1.0"),)),)


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
async def test_the_plugin_of_our_platform_is_pulled(published, endpoint, tmp_path, architecture):
    where = (endpoint("falco/json"), published.plugin, tmp_path)
    _, content = await pulled(*where, "Plugin", architecture)
    assert content == LIBRARIES[f"linux/{architecture}"]


async def test_a_plugin_without_an_index_is_taken_as_it_is(registry, endpoint, tmp_path):
    target = Repository(registry.url)
    manifest = push_artifact(target, "falco/one", "plugin", archive({"libone.so": b"one"}), {})
    digest = push_manifest(target, "falco/one", (), manifest)["digest"]
    _, content = await pulled(endpoint("falco/one"), digest, tmp_path, "Plugin", "s390x")
    assert content == b"one"


async def test_an_index_without_our_platform_says_which_there_are(published, endpoint, tmp_path):
    where = (endpoint("falco/json"), published.plugin, tmp_path)
    error = await refused(*where, "Plugin", "s390x")
    assert "nothing for linux/s390x, only for: linux/amd64, linux/arm64" in str(error)


@pytest.mark.parametrize(
    ("repository", "kind", "message"),
    [
        ("falco/rules", "Plugin", "it is a rules artifact, but a Plugin needs a plugin"),
        ("falco/json", "Rulesfile", "it is a plugin, but a Rulesfile needs a rules artifact"),
    ],
)
async def test_an_artifact_of_another_kind_is_refused(
    published, endpoint, tmp_path, repository, kind, message
):
    digest = published.rules if repository == "falco/rules" else published.plugin
    error = await refused(endpoint(repository), digest, tmp_path, kind)
    assert message in str(error)
    assert not error.transient


async def test_a_large_plugin_is_pulled_within_the_limit_of_memory(registry, endpoint, tmp_path):
    library = os.urandom(50 << 20)
    digest = publish_plugin(Repository(registry.url), "falco/large", [], {"linux/amd64": library})
    where = (endpoint("falco/large"), digest, tmp_path, "Plugin")
    answer, content = await pulled(*where, max_bytes=64 << 20)
    assert content == library
    assert answer.pulled_bytes > answer.size


async def test_a_layer_over_the_limit_is_not_downloaded(published, endpoint, tmp_path):
    where = (endpoint("falco/rules"), published.rules, tmp_path)
    assert "bytes, allowed are 100" in str(await refused(*where, max_bytes=100))


async def test_a_batch_of_tags_is_looked_up_in_its_order(published, endpoint):
    rules, plugin, none = map(endpoint, ("falco/rules", "falco/json", "falco/none"))
    asked = [(rules, "latest"), (plugin, "0.7.0"), (none, "latest"), (rules, "9"), (rules, "1.2.3")]
    answers = await looked_up([Lookup(*each) for each in asked])
    digests = [answer.digest for answer in answers]
    assert digests == [published.rules, published.plugin, "", "", published.rules]
    assert problem_of(answers[2]).message == f"{none}: there is no manifest latest (404)"
    assert not problem_of(answers[3]).transient


async def test_a_digest_is_looked_up_without_asking_anybody():
    digest = f"sha256:{'0' * 64}"
    assert await found(Endpoint("registry.invalid", "falco/rules"), digest) == digest


async def test_a_registry_that_is_not_there_is_a_transient_problem(tmp_path):
    endpoint = endpoint_of("127.0.0.1:9", "falco/rules", plain_http=True)
    problem = await not_found(endpoint)
    assert (
        problem.message == f"{endpoint}: http://127.0.0.1:9 cannot be reached: Connection refused"
    )
    assert problem.transient
    error = await refused(endpoint, f"sha256:{'0' * 64}", tmp_path)
    assert str(error) == problem.message
    assert error.transient


async def test_a_file_that_cannot_be_written_is_named_as_the_problem(published, endpoint):
    wanted = request(endpoint("falco/rules"), published.rules)
    descriptor = os.open(os.devnull, os.O_RDONLY)
    try:
        with pytest.raises(RegistryError, match="the file cannot be written: ") as caught:
            await pull(wanted, descriptor)
    finally:
        os.close(descriptor)
    assert caught.value.transient


def test_our_own_process_never_loads_the_transport():
    program = "import sys, actors.registry; print({'oras', 'requests'} & set(sys.modules))"
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"set()\n"
