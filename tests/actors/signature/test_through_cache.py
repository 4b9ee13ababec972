"""Signatures through a real registry that is a pull-through cache, which has no referrers API."""

import pytest

from actors.signature.verification import answer
from deploy.local import Registry
from deploy.local.publisher import Repository, publish_rules
from resources.registry.request import Endpoint
from resources.signatures.policy import Policy, Result
from resources.signatures.request import Verification
from tests.registries import LOCAL, pull_through
from tests.signed import store_bundles, store_layers
from tests.signing import key_bundle, key_layer, new_key, pem

KEY, NEXT_KEY = new_key(), new_key()
REPOSITORY = "acme/rules"


@pytest.fixture
def upstream(tmp_path):
    with Registry(tmp_path / "upstream") as started:
        yield started


@pytest.fixture
def cache(upstream, tmp_path):
    with Registry(tmp_path / "cache", pull_through(upstream)) as started:
        yield started


@pytest.fixture
def result(cache):
    """The result of a verification of a digest by a key, of which the cache alone is asked."""
    endpoint = Endpoint(cache.address, REPOSITORY, plain_http=True, local_registries=LOCAL)

    def run(digest, key=KEY):
        return answer(Verification(endpoint, digest, Policy((pem(key),)), idle_seconds=5.0)).result

    return run


STORES = {"bundles": (store_bundles, key_bundle), "layers": (store_layers, key_layer)}


@pytest.mark.parametrize(("store", "sign"), STORES.values(), ids=STORES)
def test_signatures_of_both_forms_are_found(upstream, result, store, sign):
    target = Repository(upstream.url)
    digest = publish_rules(target, REPOSITORY, ["1"], "[]")
    assert result(digest) is Result.NO_SIGNATURE
    store(target, REPOSITORY, digest, sign(KEY, digest))
    assert result(digest) is Result.VERIFIED
    # A tag is asked for anew each time, so the cache holds nobody to an old signature.
    store(target, REPOSITORY, digest, sign(NEXT_KEY, digest))
    assert result(digest, NEXT_KEY) is Result.VERIFIED
    assert result(digest) is Result.NONE_MATCHES


@pytest.mark.parametrize(("store", "sign"), STORES.values(), ids=STORES)
def test_what_was_found_once_is_found_while_the_registry_is_away(upstream, result, store, sign):
    target = Repository(upstream.url)
    digest = publish_rules(target, REPOSITORY, ["1"], "[]")
    store(target, REPOSITORY, digest, sign(KEY, digest))
    assert result(digest) is Result.VERIFIED
    upstream.stop()
    assert result(digest) is Result.VERIFIED
