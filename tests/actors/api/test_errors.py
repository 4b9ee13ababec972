"""What the API server's refusals become."""

import asyncio
import json
from uuid import uuid4

import pytest

from actors.api.client import Client
from actors.api.errors import (
    Conflict,
    Gone,
    Lost,
    NamespaceTerminating,
    NotFound,
    Refused,
    Unavailable,
    Unready,
    error_from,
)
from resources.kubernetes.kinds import collection_path
from resources.kubernetes.reference import ObjectRef
from tests.eventually import eventually

# From a real API server.


def apply(ref, **body):
    known = {"apiVersion": "v1", "kind": ref.kind}
    metadata = {"name": ref.name, "namespace": ref.namespace, **body.pop("metadata", {})}
    return lambda client: client.apply(ref, {**known, "metadata": metadata, **body}, "tests")


async def test_what_is_not_there_is_not_found(client, namespace):
    with pytest.raises(NotFound) as error:
        await client.get(ObjectRef("ConfigMap", namespace, "missing"))
    assert error.value.reason == "NotFound"


async def test_a_create_only_apply_of_what_exists_is_a_conflict(client, namespace):
    ref = ObjectRef("ConfigMap", namespace, "taken")
    create = apply(ref, metadata={"resourceVersion": "1"})
    await create(client)
    with pytest.raises(Conflict) as error:
        await create(client)
    assert error.value.code == 409


async def test_an_apply_to_an_earlier_incarnation_is_a_conflict(client, namespace):
    ref = ObjectRef("ConfigMap", namespace, "recreated")
    await apply(ref)(client)
    with pytest.raises(Conflict) as error:
        await apply(ref, metadata={"uid": str(uuid4())})(client)
    assert error.value.code == 422
    assert {cause.field for cause in error.value.causes} == {"metadata.uid"}


async def test_an_apply_with_a_uid_to_what_is_gone_is_a_conflict(client, namespace):
    ref = ObjectRef("ConfigMap", namespace, "gone")
    with pytest.raises(Conflict):
        await apply(ref, metadata={"uid": str(uuid4())})(client)


@pytest.mark.parametrize(
    ("name", "body", "code", "words"),
    [
        ("invalid--", {"data": {"no such key!": ""}}, 422, "a valid config key"),
        ("no-such-field", {"data": {"key": 5}}, 500, "failed to create typed patch object"),
        ("not-an-object", {"data": "text"}, 500, "failed to create typed patch object"),
        ("bad-label", {"metadata": {"labels": {"a b": ""}}}, 422, "metadata.labels"),
    ],
)
async def test_what_is_invalid_is_refused(client, namespace, name, body, code, words):
    with pytest.raises(Refused, match=words) as error:
        await apply(ObjectRef("ConfigMap", namespace, name.strip("-")), **body)(client)
    assert error.value.code == code


async def test_a_body_that_is_no_json_is_refused(transport, namespace):
    path = collection_path("ConfigMap", namespace)
    headers = {"Content-Type": "application/json"}
    with pytest.raises(Refused) as error:
        await transport.request("POST", path, verb="create", body=b"{", headers=headers)
    assert error.value.code == 400


async def test_a_missing_right_is_at_first_that_of_an_unready_server(connect, account, namespace):
    with pytest.raises(Unready, match="cannot get resource") as error:
        await Client(await connect(account)).get(ObjectRef("Secret", namespace, "any"))
    assert (error.value.code, type(error.value)) == (403, Unready)


async def test_what_is_over_quota_is_refused(control_plane, client, namespace):
    control_plane.kubectl("create", "quota", "none", "--hard=count/secrets=0", "-n", namespace)

    def is_enforced():
        secret = ("create", "secret", "generic", "any", "-n", namespace, "--dry-run=server")
        return "exceeded quota" in control_plane.kubectl(*secret, check=False).stderr

    eventually(is_enforced)
    with pytest.raises(Refused, match="exceeded quota") as error:
        await apply(ObjectRef("Secret", namespace, "one"))(client)
    assert (error.value.code, type(error.value)) == (403, Refused)


async def test_creating_in_a_namespace_that_goes_says_that_it_goes(mortal, connect):
    mortal.kubectl("create", "namespace", name := f"going-{uuid4().hex[:8]}")
    mortal.kubectl("delete", "namespace", name, "--wait=false")  # for good: no controller runs
    with pytest.raises(NamespaceTerminating) as error:
        await apply(ObjectRef("ConfigMap", name, "late"))(Client(await connect(mortal)))
    assert error.value.code == 403


async def test_a_continue_token_that_is_too_old_is_gone(mortal, connect):
    client = Client(await connect(mortal))
    page = json.loads(await client.list_page("ClusterRole", "", {"limit": "1"}))
    query = {"limit": "1", "continue": page["metadata"]["continue"]}

    async def carry_on_while_there_is_news():  # else etcd is not compacted
        while True:
            change = {"metadata": {"name": f"history-{uuid4().hex[:8]}"}}
            mortal.client.call("POST", "/api/v1/namespaces", change)
            await client.list_page("ClusterRole", "", query)

    with pytest.raises(Gone) as error:
        await asyncio.wait_for(carry_on_while_there_is_news(), 60)
    assert error.value.reason == "Expired"


# From whoever stands before it.


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (301, Unavailable),
        (401, Unavailable),
        (403, Refused),
        (404, NotFound),
        (409, Conflict),
        (410, Gone),
        (413, Refused),
        (429, Unavailable),
        (500, Lost),
        (502, Lost),
        (503, Lost),
        (504, Lost),
    ],
)
@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b"", b"[]", b'{"message":null}', b"\xff"])
def test_without_a_status_the_code_decides(code, kind, body):
    assert type(error_from(code, body)) is kind


@pytest.mark.parametrize("body", [b"<html>Sorry</html>", b'{"error":"Sorry"}', b'"Sorry"'])
def test_of_what_is_no_status_the_beginning_is_told(body):
    assert "Sorry" in str(error_from(502, body))


STATUS = b'{"details":{"retryAfterSeconds":7}}'


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        (None, b"", None),
        ("3", b"", 3.0),
        ("3", STATUS, 3.0),
        (None, STATUS, 7.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", b"", None),
        ("²", b"", None),
        ("-1", b"", None),
        ("9" * 30, b"", 300.0),
    ],
)
def test_the_server_is_left_alone_as_long_as_it_asks_but_not_for_hours(header, body, seconds):
    assert error_from(429, body, header).retry_after == seconds
