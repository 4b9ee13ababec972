"""Whatever a registry sends: refused with a clear message, nothing left behind."""

import pytest

from resources.registry.request import Lookup
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    INDEX,
    MANIFEST,
    PREFIX,
    HostileRegistry,
    blob_path,
    chunked_for_ever,
    descriptor,
    digest_of,
    index,
    manifest,
    manifest_path,
    reply,
)
from tests.actors.registry.pulling import MOST, found, looked_up, not_found, problem_of, refused

GOOD = hostile.good()
MANIFEST_OF_GOOD = manifest(
    descriptor(f"{PREFIX}.config.v1+json", b"{}"), descriptor(f"{PREFIX}.layer.v1+tar.gz", GOOD)
)


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (hostile.bomb(2**31), "has 2147483648 bytes, allowed are 4194304"),
        (hostile.pax_bomb(), "a header of 2147483648 bytes"),
        (hostile.million_entries(), "more than 100 entries"),
        (hostile.packed(hostile.link("a", "/etc/passwd")), "a symbolic link: a"),
        (hostile.packed(hostile.entry("/a", b"x")), "an absolute name: /a"),
        (hostile.packed(hostile.entry("../a", b"x")), "leads out of it: ../a"),
        (hostile.packed(hostile.entry("a", b"x"), hostile.entry("b", b"x")), "more than one file"),
        (hostile.packed(), "holds no file"),
        (b"no archive", "no valid gzip data"),
    ],
)
async def test_a_hostile_archive_is_refused(registry, tmp_path, layer, message):
    error = await refused(registry.endpoint(), registry.artifact(layer), tmp_path)
    assert message in str(error)
    assert not error.transient


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (len(GOOD) - 1, "is larger than the"),
        (len(GOOD) + 1, f"has {len(GOOD)} bytes, {len(GOOD) + 1} are declared"),
        (MOST + 1, "the layer has 4194305 bytes, allowed are 4194304"),
        (-1, "does not say how large the layer is"),
        (None, "the manifest is not valid"),
    ],
)
async def test_a_layer_that_lies_about_its_size_is_refused(registry, tmp_path, size, message):
    error = await refused(registry.endpoint(), registry.artifact(GOOD, size=size), tmp_path)
    assert message in str(error)
    assert not error.transient


async def test_an_endless_blob_is_cut_off(registry, tmp_path):
    digest = registry.artifact(GOOD)
    registry.act(blob_path(digest_of(GOOD)), chunked_for_ever)
    assert "is larger than the" in str(await refused(registry.endpoint(), digest, tmp_path))


async def test_another_manifest_than_asked_for_is_refused(registry, tmp_path):
    digest = registry.manifest(MANIFEST_OF_GOOD)
    registry.serve(manifest_path(digest), MANIFEST_OF_GOOD + b" ")
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert f"the manifest sent for {digest} has another digest" in str(error)


async def test_another_manifest_than_the_index_names_is_refused(registry, tmp_path):
    platform = {"os": "linux", "architecture": "amd64"}
    inner = registry.manifest(MANIFEST_OF_GOOD)
    root = registry.manifest(
        index({**descriptor(MANIFEST, MANIFEST_OF_GOOD), "platform": platform})
    )
    registry.serve(manifest_path(inner), MANIFEST_OF_GOOD + b" ")
    error = await refused(registry.endpoint(), root, tmp_path)
    assert f"the manifest sent for {inner} has another digest" in str(error)


async def test_an_index_of_indexes_is_refused(registry, tmp_path):
    platform = {"os": "linux", "architecture": "amd64"}
    inner = index()
    registry.manifest(inner)
    root = registry.manifest(index({**descriptor(INDEX, inner), "platform": platform}))
    assert "leads to another index" in str(await refused(registry.endpoint(), root, tmp_path))


@pytest.mark.parametrize("sent", [hostile.packed(hostile.entry("a", b"x")), GOOD[:-1] + b"x"])
async def test_another_layer_than_the_manifest_names_is_refused(registry, tmp_path, sent):
    digest = registry.artifact(GOOD, size=len(sent))
    registry.serve(blob_path(digest_of(GOOD)), sent)
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert f"the blob sent for {digest_of(GOOD)} has another digest" in str(error)


async def test_another_config_than_the_manifest_names_is_refused(registry, tmp_path):
    digest = registry.artifact(GOOD)
    registry.serve(blob_path(digest_of(b"{}")), b"[]")
    error = await refused(registry.endpoint(), digest, tmp_path)
    assert f"the blob sent for {digest_of(b'{}')} has another digest" in str(error)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"<html>", "the manifest is not valid"),
        (b'{"a":' * 40_000, "nested too deeply"),
        (b'{"layers": [%s{}]}' % (b"{}," * 85_000), "the manifest has no config"),
        (
            manifest(descriptor("application/vnd.cncf.falco.asset.config.v1+json", b"{}")),
            "it is an asset, but a Rulesfile needs a rules artifact",
        ),
    ],
)
async def test_a_manifest_of_something_else_is_refused(registry, tmp_path, document, message):
    error = await refused(registry.endpoint(), registry.manifest(document), tmp_path)
    assert message in str(error)
    assert not error.transient


async def test_a_config_of_another_form_is_refused(registry, tmp_path):
    error = await refused(registry.endpoint(), registry.artifact(GOOD, config=b"[]"), tmp_path)
    assert "the config is not valid" in str(error)


async def test_a_manifest_of_ten_megabytes_is_not_read(registry, tmp_path):
    digest = registry.manifest(b" " * (10 << 20))
    assert "has more than 262144 bytes" in str(await refused(registry.endpoint(), digest, tmp_path))


async def test_an_endless_manifest_is_not_read(registry):
    registry.act(manifest_path("latest"), chunked_for_ever)
    problem = await not_found(registry.endpoint())
    assert "manifest latest has more than 262144 bytes" in problem.message


async def test_a_head_that_is_not_served_is_made_up_for(registry):
    def only_get(request):
        reply(request, MANIFEST_OF_GOOD, 405 if request.command == "HEAD" else 200)

    registry.act(manifest_path("latest"), only_get)
    assert await found(registry.endpoint()) == digest_of(MANIFEST_OF_GOOD)


async def test_a_head_without_a_digest_is_made_up_for(registry):
    named = {"none": "", "other": "sha512:00", "path": "sha256:../../x"}
    for tag, digest in named.items():
        registry.serve(manifest_path(tag), MANIFEST_OF_GOOD, Docker_Content_Digest=digest)
    answers = await looked_up([Lookup(registry.endpoint(), tag) for tag in named])
    assert {answer.digest for answer in answers} == {digest_of(MANIFEST_OF_GOOD)}


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"{}", b""])
async def test_what_is_no_manifest_has_no_digest(registry, body):
    """Else nodes would be told to install the page of a server in between."""
    registry.serve(manifest_path("latest"), body)
    problem = await not_found(registry.endpoint())
    assert "what it sends as manifest latest is none: the manifest is " in problem.message


async def test_a_reference_that_is_none_is_never_sent(registry):
    references = ("a/b", "../../x", "a?b", "", "a b", "sha256:short")
    for answer in await looked_up([Lookup(registry.endpoint(), each) for each in references]):
        assert "is no valid tag or digest" in problem_of(answer).message
    assert not registry.seen
