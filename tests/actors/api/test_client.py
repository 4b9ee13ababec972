"""Requests in Kubernetes' terms, to a real API server."""

import json
from uuid import uuid4

import pytest

from actors.api.client import _leading_number
from actors.api.errors import Conflict, NotFound, Refused
from resources.kubernetes.kinds import KINDS
from resources.kubernetes.reference import ObjectRef


@pytest.fixture
def ref(namespace):
    return ObjectRef("ConfigMap", namespace, "object")


@pytest.fixture
async def live(client, ref):
    """A ConfigMap that is there."""
    body = {"apiVersion": KINDS[ref.kind].api_version, "kind": ref.kind}
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return json.loads(await client.apply(ref, {**body, "metadata": metadata}, "tests"))


def finalizers(*names):
    return [{"op": "add", "path": "/metadata/finalizers", "value": names}]


async def test_a_deleted_object_is_gone(client, ref, live):
    assert await client.delete(ref, live["metadata"]["uid"])
    with pytest.raises(NotFound):
        await client.delete(ref, live["metadata"]["uid"])


async def test_a_deleted_object_with_a_finalizer_is_not_gone_yet(client, ref, live):
    await client.json_patch(ref, finalizers("tests.example.org/hold"), "tests")
    assert not await client.delete(ref, live["metadata"]["uid"])
    await client.json_patch(ref, [{"op": "remove", "path": "/metadata/finalizers"}], "tests")
    with pytest.raises(NotFound):
        await client.get(ref)


async def test_another_incarnation_is_not_deleted(client, ref, live):
    with pytest.raises(Conflict):
        await client.delete(ref, str(uuid4()))
    assert json.loads(await client.get(ref))["metadata"]["uid"] == live["metadata"]["uid"]


async def test_a_json_patch_whose_test_fails_is_refused_and_changes_nothing(client, ref, live):
    test = {"op": "test", "path": "/metadata/uid", "value": "another"}
    with pytest.raises(Refused) as error:
        await client.json_patch(ref, [test, *finalizers("tests.example.org/hold")], "tests")
    assert error.value.code == 422
    assert json.loads(await client.get(ref)) == live


async def test_an_apply_owns_its_fields_under_its_manager(client, ref, live):
    labelled = {key: live[key] for key in ("apiVersion", "kind")}
    labelled["metadata"] = {"name": ref.name, "labels": {"some": "label"}}
    applied = json.loads(await client.apply(ref, labelled, "tests"))
    [entry] = applied["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("tests", "Apply")


async def test_requests_one_after_the_other_share_a_connection(client, transport, ref):
    for _ in range(5):
        await client.list_page(ref.kind, ref.namespace, {})
        with pytest.raises(NotFound):
            await client.get(ref)
    assert [len(idle) for idle in transport._session.connector._conns.values()] == [1]


async def test_the_version_is_that_of_the_api_server(client, control_plane):
    told = control_plane.client.call("GET", "/version")
    assert await client.server_version() == (int(told["major"]), int(told["minor"]))


@pytest.mark.parametrize(("text", "number"), [("29", 29), ("29+", 29), ("27-eks", 27), ("", 0)])
def test_of_a_distribution_s_version_the_number_counts(text, number):
    assert _leading_number(text) == number
