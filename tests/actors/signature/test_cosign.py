"""What the real cosign signs with a key, in the forms of its versions 2 and 3."""

import os
import subprocess
from itertools import count

import pytest

from actors.signature.verification import answer
from deploy.local import Registry, build
from deploy.local.publisher import Repository, publish_rules
from resources.registry.request import Endpoint
from resources.signatures.policy import Policy, Result
from resources.signatures.request import Verification
from tests.registries import LOCAL
from tests.signing import new_key, pem

pytestmark = pytest.mark.prove

HTTP = ("--allow-http-registry", "--allow-insecure-registry")
# No signature leaves this machine.
ALONE = ("--use-signing-config=false", "--tlog-upload=false")
FORMS = {"cosign 2": ("--new-bundle-format=false",), "cosign 3": ()}
_numbers = count()


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


class Cosign:
    """The program, with a key of its own."""

    def __init__(self, directory) -> None:
        self._command = build.files("cosign")["cosign"]
        self._directory = directory
        self.run("generate-key-pair")
        self.public_key = (directory / "cosign.pub").read_text()

    def run(self, *arguments):
        variables = {"HOME": str(self._directory), "COSIGN_PASSWORD": "", "COSIGN_YES": "true"}
        subprocess.run(
            [self._command, *arguments],
            cwd=self._directory,
            env={**os.environ, **variables},
            check=True,
            capture_output=True,
        )


@pytest.fixture(scope="module")
def cosign(tmp_path_factory):
    return Cosign(tmp_path_factory.mktemp("cosign"))


class Image:
    """An artifact that cosign signs, and who has signed it."""

    def __init__(self, registry, cosign) -> None:
        self._cosign = cosign
        repository = f"acme/rules{next(_numbers)}"
        target = Repository(registry.url)
        self.digest = publish_rules(target, repository, ["latest"], f"- list: {repository}")
        self.endpoint = Endpoint(
            registry.address, repository, plain_http=True, local_registries=LOCAL
        )
        self.name = f"{self.endpoint}@{self.digest}"

    def sign(self, form):
        self._cosign.run("sign", "--key=cosign.key", *HTTP, *ALONE, *FORMS[form], self.name)

    def attest(self, form, predicate):
        options = (f"--predicate={predicate}", "--type=spdxjson", *ALONE, *FORMS[form])
        self._cosign.run("attest", "--key=cosign.key", *HTTP, *options, self.name)

    def result(self, key):
        return answer(Verification(self.endpoint, self.digest, Policy((key,)))).result


@pytest.fixture
def image(registry, cosign):
    return Image(registry, cosign)


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_signs_is_verified_with_its_key_and_no_other(image, cosign, form):
    assert image.result(cosign.public_key) is Result.NO_SIGNATURE
    image.sign(form)
    assert image.result(cosign.public_key) is Result.VERIFIED
    assert image.result(pem(new_key())) is Result.NONE_MATCHES


@pytest.mark.parametrize("form", FORMS)
def test_what_cosign_attests_is_no_signature(image, cosign, tmp_path, form):
    predicate = tmp_path / "sbom.json"
    predicate.write_text("{}")
    image.attest(form, predicate)
    # cosign 2 has attestations under a tag of their own, and cosign 3 beside signatures.
    nothing = {"cosign 2": Result.NO_SIGNATURE, "cosign 3": Result.NONE_MATCHES}
    assert image.result(cosign.public_key) is nothing[form]
    image.sign(form)
    assert image.result(cosign.public_key) is Result.VERIFIED
