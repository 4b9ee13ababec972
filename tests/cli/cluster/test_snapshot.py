"""What a user reads of a cluster by their kubeconfig, and what they are told of the rest."""

from __future__ import annotations

import asyncio

import pytest
import yaml

from actors.api.errors import ApiError
from cli.cluster.connection import connected
from cli.cluster.options import Access, Duration
from cli.cluster.snapshot import read_one, snapshot, why_not
from cli.failure import Failure
from resources.kubernetes.reference import ObjectRef
from tests.operator_process import operator_kubeconfig


def read(access, *kinds):
    async def reading():
        async with connected(access) as connection:
            return connection, await snapshot(connection, kinds, connection.namespace)

    return asyncio.run(reading())


def test_what_is_there_is_read_by_namespace_and_name(cluster):
    access = Access(str(cluster.kubeconfig), all_namespaces=True)
    connection, seen = read(access, "Namespace", "ServiceAccount")
    assert connection.namespace == ""
    assert seen.get("Namespace", "", "default")["kind"] == "Namespace"
    assert seen.get("ServiceAccount", "kube-system", "default") is not None
    keys = [
        (one["metadata"]["namespace"], one["metadata"]["name"]) for one in seen.of("ServiceAccount")
    ]
    assert keys == sorted(keys)
    assert seen.unread == []


def test_what_one_may_not_read_is_said(cluster, tmp_path):
    access = Access(str(operator_kubeconfig(cluster, tmp_path)), all_namespaces=True)
    _, seen = read(access, "Falco", "ResourceQuota")
    assert [str(one) for one in seen.unread] == [
        "resourcequotas could not be read: you may not",
    ]
    assert (seen.could_read("Falco"), seen.could_read("ResourceQuota")) == (True, False)


def test_one_object_that_one_may_not_read_is_refused_at_once(cluster, tmp_path):
    access = Access(str(operator_kubeconfig(cluster, tmp_path)))

    async def reading():
        async with connected(access) as connection:
            with pytest.raises(ApiError) as refused:
                await read_one(connection, ObjectRef("ResourceQuota", "default", "any"))
            return why_not(connection, refused.value)

    assert asyncio.run(reading()) == "you may not"


def test_the_namespace_is_that_of_the_context(cluster, tmp_path):
    value = yaml.safe_load(cluster.kubeconfig.read_text())
    here = value["contexts"][0]["context"]
    value["contexts"].append({"name": "other", "context": {**here, "namespace": "kube-system"}})
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(value))
    assert read(Access(str(path), "other"))[0].namespace == "kube-system"
    assert read(Access(str(path), "other", "mine"))[0].namespace == "mine"
    with pytest.raises(Failure, match="missing"):
        read(Access(str(path), "missing"))


def test_an_api_server_that_is_gone_is_named(cluster, tmp_path):
    value = yaml.safe_load(cluster.kubeconfig.read_text())
    value["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(value))
    with pytest.raises(Failure, match=r"https://127\.0\.0\.1:1 cannot be reached"):
        read(Access(str(path)), "Falco")


def test_there_may_be_no_kubeconfig(tmp_path):
    with pytest.raises(Failure, match=r"none\.yaml"):
        read(Access(str(tmp_path / "none.yaml")))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("2m", 120.0), ("1h", 3600.0), ("90", 90.0), ("1m30s", 90.0), ("500ms", 0.5)],
)
def test_times_are_those_of_kubectl(text, seconds):
    assert Duration().convert(text, None, None) == seconds
