"""A report holds what maintainers need, in bounds, and nothing that is secret."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.analyze.analysis import analyzed
from cli.analyze.contents import Contents
from cli.cluster.snapshot import Snapshot, Unread
from cli.report.archive import LEFT_OUT, MOST_OF_ENTRY, Archive
from cli.report.contents import Log, add_objects, logs_of, told_of_removed
from cli.report.redaction import Redaction
from tests.api import manifest

MARK = "hunter2-is-secret"


def entries(archive):
    with zipfile.ZipFile(io.BytesIO(archive.finished())) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


@pytest.mark.parametrize(
    ("one", "what"),
    [
        (manifest("Rulesfile", "a", "b", spec={"inlineRules": [MARK]}), "spec.inlineRules"),
        (manifest("Config", "a", "b", spec={"config": {"http": {"url": MARK}}}), "spec.config"),
        (manifest("Plugin", "a", "b", spec={"config": {"initConfig": {"k": MARK}}}), "initConfig"),
        (manifest("Plugin", "a", "b", spec={"config": {"openParams": MARK}}), "openParams"),
        (manifest("Pod", "a", "b", spec={"containers": [{"env": [{"name": "X", "value": MARK}]}]}),
         "values of variables"),
        (manifest("Falco", "a", "b", spec={"podTemplateSpec": {"spec": {"initContainers": [
            {"name": "x", "env": [{"name": "X", "value": MARK}]}]}}}), "values of variables"),
        (manifest("Falco", "a", "b", metadata={"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": MARK}}), "last-applied"),
        (manifest("Falco", "a", "b", metadata={"annotations": {
            "kapp.k14s.io/original": json.dumps({"env": MARK})}}), "kapp.k14s.io/original"),
        (manifest("Falco", "a", "b", spec={"podTemplateSpec": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": MARK}}}}), "last-applied"),
        (manifest("Falco", "a", "b", spec={"podTemplateSpec": {"spec": {"containers": [
            {"livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X", "value": MARK}]}}}]}}}),
         "values of headers"),
        (manifest("Falco", "a", "b", spec={"args": ["--token", MARK]}), "credentials"),
        (manifest("Falco", "a", "b", spec={"args": ["-o", f"url=https://hooks.slack.com/{MARK}"]}),
         "credentials"),
        (manifest("Deployment", "a", "b", spec={"args": [f"--password={MARK}"]}), "credentials"),
        (manifest("ServiceAccount", "a", "b", token=MARK), "credentials"),
        (manifest("ConfigMap", "a", "b", data={"x": f"url: https://me:{MARK}@example.org"}),
         "credentials"),
        ({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "b"},
          "webhooks": [{"clientConfig": {"caBundle": "eA==", "url": f"https://u:{MARK}@h"}}]},
         "credentials"),
        (manifest("Node", "", "b", status={"addresses": [MARK]}), "addresses"),
        (manifest("Pod", "a", "b", metadata={"managedFields": [{"x": MARK}]}), ""),
    ],
)  # fmt: skip
def test_what_may_be_secret_is_taken_out_and_listed(one, what):
    redaction = Redaction()
    before = json.dumps(one)
    assert MARK not in json.dumps(redaction.of(one))
    assert json.dumps(one) == before
    assert what in "".join(told_of_removed(redaction))


@pytest.mark.parametrize("value", [MARK, f'a "{MARK}" b', f"a; {MARK}", "x" * 50 + MARK])
def test_what_messages_quote_of_a_config_is_taken_out(value):
    text = f"http_output:\n  enabled: {json.dumps(value)}\nprogram_output: {json.dumps(value)}\n"
    contents = Contents()
    contents.add("falco.yaml", text.encode())
    messages = [one.text for one in analyzed(contents)]
    assert sum(value[:20] in one.replace("\\", "") for one in messages) == 2
    status = {"conditions": [{"type": "Programmed", "message": "; ".join(messages)}]}
    redaction = Redaction()
    report = redaction.of(manifest("Config", "a", "b", status=status))
    log = redaction.text("".join(f"{json.dumps({'message': one})}\n" for one in messages))
    short = redaction.text("".join(f"{one[:90]}…\n" for one in messages))
    for told in (json.dumps(report), log, short):
        assert MARK not in told
        assert "x" * 20 not in told
    assert "expects true or false" in log


def test_alerts_are_not_in_the_log_of_a_falco():
    own = "Thu Nov 26 17:42:22 2026: Falco version: 0.44.1 (x86_64)\n"
    iso = "2026-11-26T17:42:22+0000: Starting health webserver\n"
    alerts = (
        f"17:42:22.123456789: Notice A shell was spawned (command=mysql -p{MARK})\n"
        f"2026-11-26T17:42:22.123456789+0000: Notice A shell (command=mysql -p{MARK})\n"
        f'{{"hostname":"n","output":"mysql -p{MARK}","priority":"Notice","rule":"A shell"}}\n'
    )
    redaction = Redaction()
    assert redaction.falco_log(own + alerts + iso) == own + iso
    assert "alerts in logs of Falco: 3 removed" in told_of_removed(redaction)


def test_what_is_no_secret_stays():
    spec = {
        "ociArtifact": {"registry": {"auth": {"secretRef": {"name": "pull"}}}},
        "configMapRef": {"name": "rules"},
        "priority": 7,
    }
    one = manifest("Rulesfile", "a", "b", spec=spec, status={"conditions": [{"type": "Loaded"}]})
    assert Redaction().of(one) == one


def test_a_secret_is_never_taken_in():
    with pytest.raises(AssertionError):
        Redaction().of(manifest("Secret", "a", "b"))


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_entries_have_names_that_every_system_unpacks(path):
    archive = Archive("report")
    archive.add(path, "x")
    archive.add(path, "y")
    names = list(entries(archive))
    assert len(names) == len({name.lower() for name in names}) == 3
    for name in names:
        assert name.startswith("report/")
        assert name.isascii()
        assert not {"", ".", ".."} & set(name.split("/"))
        assert "\\" not in name
        assert ":" not in name


@pytest.mark.parametrize("name", ["con", "NUL.yaml", "com1.log"])
def test_no_entry_is_a_device(name):
    archive = Archive("report")
    archive.add([name], "x")
    assert f"report/_{name}" in entries(archive)


def test_entries_and_the_whole_are_bounded_and_the_rest_is_listed():
    archive = Archive("report", most=MOST_OF_ENTRY + 10)
    archive.add(["long"], "a" * MOST_OF_ENTRY + "end")
    archive.add(["other"], "b" * 11)
    archive.add(["short"], "c")
    found = entries(archive)
    assert found["report/long"].endswith(b"aend")
    assert len(found["report/long"]) == MOST_OF_ENTRY
    assert set(found) == {"report/long", "report/short", f"report/{LEFT_OUT}"}
    told = found[f"report/{LEFT_OUT}"].decode()
    assert "long: all but its last" in told
    assert "other: there was no room for its 11 bytes" in told


def test_what_could_not_be_read_and_what_is_too_much_are_listed():
    reports = [manifest("NodeReport", "a", f"pod-{n}") for n in range(305)]
    archive, redaction = Archive("report"), Redaction()
    event = {"kind": "Event", "metadata": {"namespace": "a", "name": "e"}, "reason": "Bad",
             "note": f"password: {MARK}", "regarding": {"kind": "Pod", "name": "p"}}  # fmt: skip
    seen = Snapshot({"NodeReport": reports, "Event": [event]}, [Unread("Node", "", "you may not")])
    add_objects(archive, redaction, seen)
    assert archive.left_out == ["5 of 305 NodeReports", "nodes could not be read: you may not"]
    found = entries(archive)
    assert b"Pod/p Bad x1: password: (removed)" in found["report/events.txt"]
    assert found["report/resources/NodeReport.yaml"].count(b"kind: NodeReport") == 300


def pod(name, ready, owner="falco", restarts=0):
    labels = {"app.kubernetes.io/name": owner, "instance.falcosecurity.dev/owner-kind": "Falco"}
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "falco", "restartCount": restarts}],
    }
    return manifest("Pod", "a", name, metadata={"labels": labels}, status=status, spec={})


def test_logs_are_those_of_a_few_pods_that_are_not_ready_first():
    pods = [pod("well", True), pod("ill", False, restarts=2), pod("other", True, "second")]
    logs = list(logs_of(pods, 1))
    assert [(log.pod, log.container, log.previous) for log in logs] == [
        ("ill", "artifact-operator", False),
        ("ill", "falco", False),
        ("ill", "falco", True),
        ("other", "artifact-operator", False),
        ("other", "falco", False),
    ]
    assert Log("a", "b", "c", previous=True).path == ("logs", "a", "b", "c.previous.log")
