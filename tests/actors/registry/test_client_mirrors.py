"""Mirrors before a registry: each is asked in turn, and knows only what is meant for it."""

from base64 import b64encode

import pytest
from msgspec.structs import replace

from actors.signature.client import verify
from deploy.local.process import free_port
from deploy.local.registry import Registry
from resources.registry.request import Credentials, Endpoint, Hold, Lookup, Pace
from resources.signatures.policy import Identity, Policy, Result
from resources.signatures.request import Verification
from tests.actors.registry import hostile_archives as hostile
from tests.actors.registry.hostile_registry import (
    HostileRegistry,
    blob_path,
    descriptor,
    digest_of,
    manifest,
    manifest_path,
    reply,
)
from tests.actors.registry.published import RULES, Published
from tests.actors.registry.pulling import (
    endpoint_of,
    found,
    looked_up,
    not_found,
    pulled,
    refused,
)
from tests.signing import ISSUER, SIMPLE_SIGNING, SUBJECT, Sigstore

GOOD = hostile.good()
KNOWN = Credentials("falco", "a secret")
BRIEF = Pace(seconds=20.0, patience=5.0)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return Published(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def real(published):
    """The address of a registry that has all."""
    with Registry(published.directory) as started:
        yield started.address


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The address of a registry that has nothing."""
    with Registry(tmp_path_factory.mktemp("empty")) as started:
        yield started.address


@pytest.fixture
def first():
    with HostileRegistry() as started:
        yield started


@pytest.fixture
def second():
    with HostileRegistry() as started:
        yield started


def rules(address, **more):
    return endpoint_of(address, "falco/rules", plain_http=True, **more)


def behind(registry, *mirrors, **more):
    """The endpoint of a registry with these mirrors."""
    return replace(registry, mirrors=mirrors, **more)


def down():
    """A registry that is not there."""
    return rules(f"127.0.0.1:{free_port()}")


async def test_a_mirror_that_has_all_is_the_only_one_asked(published, real, first, tmp_path):
    endpoint = behind(first.endpoint(), rules(real))
    assert await found(endpoint) == published.rules
    assert (await pulled(endpoint, published.rules, tmp_path))[1] == RULES
    assert first.seen == []


@pytest.mark.parametrize("missing", ["empty", "down"])
async def test_a_mirror_without_it_is_followed_by_the_next_and_then_by_the_registry(
    published, real, empty, tmp_path, missing
):
    mirror = rules(empty) if missing == "empty" else down()
    for endpoint in (
        behind(rules(real), mirror),
        behind(down(), mirror, rules(real), skip_fallback=True),
    ):
        assert await found(endpoint) == published.rules
        result, content = await pulled(endpoint, published.rules, tmp_path)
        assert content == RULES
        assert result.pulled_bytes > 0


async def test_a_registry_that_is_never_asked_is_not_asked(empty, first, tmp_path):
    first.artifact(GOOD, "latest")
    endpoint = behind(first.endpoint(), rules(empty), skip_fallback=True)
    problem = await not_found(endpoint)
    assert problem.message == f"{endpoint}: there is no manifest latest (404)"
    assert not problem.transient
    await refused(endpoint, digest_of(b"x"), tmp_path)
    assert first.seen == []


async def test_what_every_place_says_is_told(empty, tmp_path):
    gone = down()
    endpoint = behind(rules(empty), gone)
    problem = await not_found(endpoint)
    assert problem.message == (
        f"{endpoint}: {gone.registry}: http://{gone.registry} cannot be reached: Connection "
        f"refused; {empty}: there is no manifest latest (404)"
    )
    assert problem.transient
    error = await refused(endpoint, digest_of(b"x"), tmp_path)
    assert error.transient
    assert f"; {empty}: there is no manifest" in str(error)


async def test_a_mirror_that_lies_is_followed_by_the_next(first, second, tmp_path):
    artifact = second.artifact(GOOD, "latest")
    first.serve(manifest_path(artifact), b"something else")
    endpoint = behind(second.endpoint(), first.endpoint())
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES
    layer = digest_of(GOOD)
    first.artifact(GOOD)
    first.serve(blob_path(layer), b"x" * len(GOOD))
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES
    assert [seen.path for seen in first.seen[-1:]] == [blob_path(layer)]
    assert second.seen[-1].path == blob_path(layer)


async def test_a_layer_may_come_from_another_place_than_its_manifest(first, second, tmp_path):
    artifact = first.artifact(GOOD)
    second.blob(GOOD)
    first.serve(blob_path(digest_of(GOOD)), b"", 404)
    endpoint = behind(second.endpoint(), first.endpoint())
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES
    assert [seen.path for seen in second.seen] == [blob_path(digest_of(GOOD))]


async def test_for_an_artifact_of_another_kind_no_other_place_is_asked(first, second, tmp_path):
    artifact = first.manifest(manifest(descriptor("application/json", b"{}")))
    endpoint = behind(second.endpoint(), first.endpoint())
    error = await refused(endpoint, artifact, tmp_path)
    assert error.final
    assert second.seen == []


def wants_a_password(registry, artifact):
    """Have the registry ask for credentials before it shows the tag; what is sent is seen."""

    def act(request):
        if request.headers.get("Authorization"):
            reply(request, b"", Docker_Content_Digest=artifact)
        else:
            reply(request, b"", 401, WWW_Authenticate="Basic realm=x")

    registry.act(manifest_path("latest"), act)


async def test_credentials_are_sent_to_the_place_that_they_are_for_and_to_no_other(first, second):
    artifact = second.artifact(GOOD, "latest")
    wants_a_password(first, artifact)
    wants_a_password(second, artifact)
    basic = f"Basic {b64encode(b'falco:a secret').decode()}"
    of_registry = behind(second.endpoint(credentials=KNOWN), first.endpoint())
    assert await found(of_registry) == artifact
    assert {seen.authorization for seen in first.seen} == {""}
    assert [seen.authorization for seen in second.seen] == ["", basic]
    second.seen.clear()
    of_mirror = behind(second.endpoint(), first.endpoint(credentials=KNOWN))
    assert await found(of_mirror) == artifact
    assert second.seen == []


async def test_credentials_of_a_mirror_do_not_follow_its_redirect(first, second, tmp_path):
    artifact = first.artifact(GOOD, "latest")
    wants_a_password(first, artifact)
    second.blob(GOOD)
    first.redirect(blob_path(digest_of(GOOD)), second.url + blob_path(digest_of(GOOD)))
    first.act(manifest_path(artifact), first_act_of(first, artifact))
    endpoint = behind(down(), first.endpoint(credentials=KNOWN))
    assert (await pulled(endpoint, artifact, tmp_path))[1] == hostile.RULES
    assert any(seen.authorization for seen in first.seen)
    assert [seen.authorization for seen in second.seen] == [""]


def first_act_of(registry, artifact):
    """The manifest, for those with credentials."""
    usual = registry._acts[manifest_path(artifact)]

    def act(request):
        if request.headers.get("Authorization"):
            usual(request)
        else:
            reply(request, b"", 401, WWW_Authenticate="Basic realm=x")

    return act


async def test_a_place_whose_credentials_cannot_be_had_is_left_out_and_told(first, second):
    artifact = second.artifact(GOOD, "latest")
    unusable = first.endpoint(unusable="Secret mirror of the operator's namespace does not exist")
    assert await found(behind(second.endpoint(), unusable)) == artifact
    assert first.seen == []
    problem = await not_found(behind(second.endpoint(), unusable, skip_fallback=True))
    assert problem.message.endswith(": Secret mirror of the operator's namespace does not exist")
    assert problem.transient


async def test_an_entry_of_the_table_that_hangs_holds_up_no_other_of_its_registry(first, second):
    first.act(manifest_path("latest"), lambda _: first.over.wait())
    artifact = second.artifact(GOOD, "latest")
    registry = Endpoint("registry.invalid", "falco/rules")
    hangs = behind(registry, first.endpoint(), skip_fallback=True, route="registry.invalid/a@1")
    works = behind(registry, second.endpoint(), skip_fallback=True, route="registry.invalid/b@1")
    one, other = await looked_up([Lookup(hangs, "latest"), Lookup(works, "latest")], BRIEF)
    assert other.digest == artifact
    assert one.problem is not None
    assert one.problem.hangs


async def test_a_mirror_that_hangs_leaves_the_next_its_time(first, second):
    first.act(manifest_path("latest"), lambda _: first.over.wait())
    artifact = second.artifact(GOOD, "latest")
    endpoint = behind(second.endpoint(), first.endpoint())
    answers = await looked_up([Lookup(endpoint, "latest", idle_seconds=5.0)])
    assert answers[0].digest == artifact


async def test_what_is_not_there_is_no_reason_to_ask_a_registry_less_whose_mirror_hangs(
    first, second
):
    first.act(manifest_path("latest"), lambda _: first.over.wait())
    endpoint = behind(second.endpoint(), first.endpoint())
    [answer] = await looked_up([Lookup(endpoint, "latest", idle_seconds=5.0)])
    assert answer.problem is not None
    assert (answer.problem.transient, answer.problem.hangs) == (True, False)


@pytest.mark.parametrize(("status", "wait"), [(404, None), (503, 60.0), (429, 10.0)])
async def test_what_a_mirror_demands_to_wait_counts_unless_the_registry_has_answered(
    first, second, status, wait
):
    first.act(manifest_path("latest"), lambda request: reply(request, b"", 429, Retry_After="60"))
    second.serve(manifest_path("latest"), b"", status)
    problem = await not_found(behind(second.endpoint(), first.endpoint()))
    assert (problem.transient, problem.retry_after) == (True, wait)


async def test_what_each_host_demands_to_wait_is_told_beside_the_answer(first, second, tmp_path):
    artifact = second.artifact(GOOD, "latest")
    endpoint = behind(second.endpoint(), first.endpoint())
    for reference in ("latest", artifact):
        first.serve(manifest_path(reference), b"", 429, Retry_After="60")
    [answer] = await looked_up([Lookup(endpoint, "latest")])
    assert (answer.digest, answer.holds) == (artifact, (Hold(first.endpoint().url, 60.0),))
    got, _ = await pulled(endpoint, artifact, tmp_path)
    assert got.holds == answer.holds
    left = endpoint.without({first.endpoint().url})
    [answer] = await looked_up([Lookup(left, "latest")])
    assert (answer.digest, answer.holds, len(first.seen)) == (artifact, (), 2)


async def test_a_mirror_that_is_down_is_asked_once_in_a_batch(first, second):
    for name in ("a", "b", "c"):
        second.artifact(GOOD, name)
    first.act(manifest_path("a"), lambda request: reply(request, b"", 429, Retry_After="60"))
    endpoint = behind(second.endpoint(), first.endpoint())
    answers = await looked_up([Lookup(endpoint, name) for name in ("a", "b", "c")])
    assert all(answer.digest for answer in answers)
    assert [seen.path for seen in first.seen] == [manifest_path("a")]


def sign(registry, sigstore, artifact):
    """Store a signature of the artifact as cosign 2 does."""
    payload, annotations = sigstore.layer(artifact)
    registry.blob(payload)
    layer = {**descriptor(SIMPLE_SIGNING, payload), "annotations": annotations}
    config = descriptor("application/json", b"{}")
    registry.manifest(manifest(config, layer), f"{artifact.replace(':', '-')}.sig")


async def test_a_signature_that_a_mirror_lacks_is_looked_for_at_the_registry(first, second):
    sigstore, artifact = Sigstore(), digest_of(b"the artifact")
    who = Identity(issuer=ISSUER, subject=SUBJECT)
    policy = Policy(identities=(who,), trusted_root=sigstore.trusted_root())

    async def result(mirror):
        endpoint = behind(second.endpoint(), mirror)
        return (await verify(Verification(endpoint, artifact, policy))).result

    assert await result(first.endpoint()) is Result.NO_SIGNATURE
    assert await result(down()) is Result.REGISTRY_FAILED
    sign(first, Sigstore(), artifact)
    sign(second, sigstore, artifact)
    assert await result(first.endpoint()) is Result.VERIFIED
    assert await result(down()) is Result.VERIFIED
