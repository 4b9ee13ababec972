"""Dumps of actors in a report, against a server that speaks as the kubelet does."""

from __future__ import annotations

from types import SimpleNamespace

from cli.cluster.operators import LABELS
from cli.cluster.snapshot import Snapshot
from cli.report.archive import Archive
from cli.report.contents import Log
from cli.report.dumps import add_dumps
from cli.report.redaction import Redaction
from cli.trace.port_forward import DATA, ERROR
from tests.api import manifest
from tests.cli.report.test_report import entries
from tests.cli.trace.test_port_forward import Kubelet, forwarding

BODY = b'{"actors": [], "note": "token=abcdefgh"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(BODY), BODY)


def pod(namespace, name, container, **labels):
    spec = {"containers": [{"name": "falco"}], "initContainers": [{"name": container}]}
    metadata = {"labels": labels}
    return manifest(
        "Pod", namespace, name, metadata=metadata, spec=spec, status={"phase": "Running"}
    )


async def dumps(*answers):
    """The entries of an archive, and what was left out, of an operator and a sidecar."""
    archive = Archive("report")
    pods = [
        pod("falco-operator", "operator-1", "x", **LABELS),
        pod("security", "falco-1", "artifact-operator"),
    ]
    logs = [Log("security", "falco-1", "falco", previous=False)]
    seen = Snapshot({"Pod": pods}, [])
    async with forwarding(Kubelet(*answers, until=20)) as forward:
        connection = SimpleNamespace(transport=forward._transport)
        await add_dumps(connection, archive, Redaction(), seen, logs, "falco-operator")  # type: ignore[arg-type]
    return entries(archive), archive.left_out


async def test_what_actors_do_is_told_without_credentials():
    # The played kubelet counts what it has received of all connections: it answers the first one.
    found, _ = await dumps((DATA, ANSWER))
    assert found["report/actors/operator.json"] == b'{"actors": [], "note": "token=(removed)"}'


async def test_what_cannot_be_asked_is_listed():
    found, left_out = await dumps((ERROR, b"connection refused"))
    assert not [name for name in found if "/actors/" in name]
    assert [line.partition(":")[0] for line in left_out] == [
        "actors/operator.json",
        "actors/security.falco-1.json",
    ]
    assert "connection refused" in left_out[0]
