"""Reading the endpoint of an artifact: what its own objects give, and what the table adds."""

import json
from base64 import b64encode
from typing import Any

import pytest

from actors.api.errors import Forbidden, NotFound
from actors.artifact.reference_reader import ReferenceReader
from actors.registry.table_file import TableFile
from resources.artifact.sources import OciSource
from resources.kubernetes.reference import ObjectRef
from resources.registry.credentials import RegistryPolicy
from resources.registry.request import Credentials
from resources.registry.table_reader import read_table

TABLE = """
mirrors:
- prefix: ghcr.io/a
  locations: [mirror.corp/a]
hosts:
  mirror.corp: {auth: {secretRef: {name: mirror}}}
"""
OWN = ObjectRef("Secret", "operator", "mirror")
SOURCE = OciSource("ghcr.io", "a/rules", "latest")


class Api:
    """The objects that may be read, or what is answered instead; and which were read."""

    def __init__(self, objects):
        self.objects = objects
        self.read = []

    async def get(self, ref):
        self.read.append(ref)
        found = self.objects.get(ref, NotFound(404, "NotFound", "it is not there"))
        if isinstance(found, Exception):
            raise found
        metadata = {"name": ref.name, "resourceVersion": "1"}
        return json.dumps({"metadata": metadata, **found}).encode()


def secret(**data):
    return {"data": {key: b64encode(value.encode()).decode() for key, value in data.items()}}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "registries.yaml"
    path.write_text(TABLE)
    return TableFile(str(path), read_table)


async def endpoint(table, objects, source=SOURCE):
    api: Any = Api(objects)
    reader = ReferenceReader(api, RegistryPolicy(), table, "operator")
    return await reader.endpoint("ns", source), api.read


async def test_a_secret_of_the_table_is_read_in_the_operators_namespace_and_is_for_its_host(table):
    found, read = await endpoint(table, {OWN: secret(username="me", password="mine")})
    assert read == [OWN]
    assert [place.credentials for place in found.places] == [Credentials("me", "mine"), None]
    assert not any(place.unusable for place in found.places)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NotFound(404, "NotFound", "x"), "does not exist"),
        (Forbidden(403, "Forbidden", "no right"), "cannot be read: Forbidden: no right"),
        (secret(username="me"), ": key password is missing; it has: username"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_told_and_only_its_host_is_left_out(
    table, answer, why
):
    found, _ = await endpoint(table, {OWN: answer})
    mirror, registry = found.places
    assert mirror.unusable.startswith("Secret mirror of the operator's namespace")
    assert mirror.unusable.endswith(why)
    assert mirror.credentials is None
    assert not registry.unusable


async def test_no_secret_is_read_for_what_the_table_does_not_cover(table):
    found, read = await endpoint(table, {}, SOURCE._replace(repository="b/rules"))
    assert (read, len(found.places)) == ([], 1)
