"""Verifications in their child process: what it takes, and what the parent does not."""

import subprocess
import sys

import pytest

from actors.signature.client import verify
from resources.registry.request import Endpoint
from resources.signatures.policy import Identity, Policy, Result
from resources.signatures.request import Verification
from tests.actors.registry.hostile_registry import (
    HostileRegistry,
    descriptor,
    digest_of,
    manifest,
)
from tests.signing import ISSUER, SIMPLE_SIGNING, SUBJECT, Sigstore

DIGEST = digest_of(b"the artifact")


@pytest.fixture
def registry():
    with HostileRegistry() as started:
        yield started


async def test_a_child_process_verifies_within_its_memory(registry):
    sigstore = Sigstore()
    payload, annotations = sigstore.layer(DIGEST)
    registry.blob(payload)
    layer = {**descriptor(SIMPLE_SIGNING, payload), "annotations": annotations}
    config = descriptor("application/json", b"{}")
    registry.manifest(manifest(config, layer), f"{DIGEST.replace(':', '-')}.sig")
    who = Identity(issuer=ISSUER, subject=SUBJECT)
    policy = Policy(identities=(who,), trusted_root=sigstore.trusted_root())
    verdict = await verify(Verification(registry.endpoint(), DIGEST, policy))
    assert verdict.result is Result.VERIFIED
    assert verdict.by == f"{SUBJECT} (issuer {ISSUER})"


async def test_a_child_that_fails_is_no_verdict():
    endpoint = Endpoint("registry.invalid", "acme/rules", ca="x" * (200 << 20))
    verdict = await verify(Verification(endpoint, DIGEST, Policy()))
    assert verdict.result is Result.REGISTRY_FAILED
    assert "the verification needed more than 128 MiB of memory" in verdict.message


@pytest.mark.parametrize("program", ["supervisors.operator", "sidecar.operator"])
def test_no_program_imports_what_only_its_children_need(program):
    code = f"import sys, {program}; print({{'cryptography', 'sigstore'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
