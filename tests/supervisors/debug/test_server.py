"""What the debug server tells of the actors, on real sockets."""

from __future__ import annotations

import contextlib
import json
import random

import pytest

from actors.runtime.clock import SystemClock
from actors.runtime.context import Runtime
from supervisors.debug.page import Page
from supervisors.debug.server import VERSION, DebugServer
from tests.actor_examples import BugError, reconcile
from tests.fake_clock import settle
from tests.supervisors.serving.clients import ANY_PORT, get, running
from tests.supervisors.tree.crowd import Crowd, ref_of


@pytest.fixture
def runtime():
    """The real clock, and no observer."""
    return Runtime(SystemClock(), random.Random(1))


@pytest.fixture
async def crowd():
    """Two actors, of which one has handled a message an hour ago, and a parked object."""
    made = Crowd()
    made.supervisor.launch()
    made.results["crashed"] = [BugError("boom")] * 10
    for name in ("a", "crashed"):
        made.supervisor.deliver(ref_of(name), reconcile("spec"))
    await made.clock.advance(3600)
    made.supervisor.deliver(ref_of("b"), reconcile("spec"))
    await settle()
    return made


@contextlib.asynccontextmanager
async def served(crowd):
    """The debug server of these actors, while it runs."""
    supervisor = crowd.supervisor
    page = page_of(crowd.runtime, supervisor)
    debug = DebugServer(crowd.runtime, ANY_PORT, supervisor.tree, supervisor.find, page)
    async with running(debug) as server:
        await settle()
        yield server


async def test_the_dump_is_the_tree_as_json_indented_on_request(runtime):
    tree = {"name": "operator", "children": [{"name": "falcos"}]}
    async with running(serving(runtime, lambda: tree)) as server:
        plain = await get(server, "/debug/actors")
        pretty = await get(server, "/debug/actors?pretty")
    assert plain.headers["Content-Type"] == "application/json"
    assert json.loads(plain.text) == json.loads(pretty.text) == tree
    assert "\n" not in plain.text
    assert '\n  "name": "operator"' in pretty.text


async def test_one_actor_of_the_real_tree_is_found_by_its_object(crowd):
    async with served(crowd) as server:
        found = await get(server, "/debug/actors/Falco/default/b")
        missing = await get(server, "/debug/actors/Falco/default/c")
        beside = await get(server, "/debug/actorsFalco/default/b")
        odd = await get(server, "/debug/actors/a/b/c/d")
    entry = json.loads(found.text)
    assert entry["object"] == "Falco/default/b"
    assert entry["actor"]["trace"][0]["reasons"] == ["changed Falco spec"]
    assert (missing.status, beside.status, odd.status) == (404, 404, 404)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("kind=Falco", ["Falco/default/a", "Falco/default/b", "Falco/default/crashed"]),
        ("kind=Probe", ["Falco/default/a", "Falco/default/b"]),
        ("kind=DynamicSupervisor", ["falcos"]),
        ("kind=Plugin", []),
        ("namespace=default&state=idle", ["Falco/default/a", "Falco/default/b"]),
        ("namespace=other", []),
        ("kind=Falco&name=b", ["Falco/default/b"]),
        ("state=parked", ["Falco/default/crashed"]),
        ("since=1m", ["Falco/default/b"]),
        ("since=2h&kind=Falco", ["Falco/default/a", "Falco/default/b", "Falco/default/crashed"]),
        ("since=999999999h&kind=Falco&namespace=default&name=a", ["Falco/default/a"]),
    ],
)
async def test_the_actors_that_are_asked_for_are_a_list(crowd, query, names):
    async with served(crowd) as server:
        answer = json.loads((await get(server, f"/debug/actors?{query}")).text)
        timeline = json.loads((await get(server, f"/debug/trace?{query}")).text)["traceEvents"]
    found = [entry.get("object") or entry["name"] for entry in answer["actors"]]
    assert (found, answer["version"], answer["omitted"]) == (names, VERSION, 0)
    threads = {event["args"]["name"] for event in timeline if event["name"] == "thread_name"}
    assert {name for name in threads if name.count("/") == 2} == {
        name for name in names if name.count("/") == 2
    }


async def test_a_time_that_is_none_is_refused_with_what_is_allowed(crowd):
    async with served(crowd) as server:
        answer = await get(server, "/debug/actors?since=yesterday")
    assert answer.status == 400
    assert answer.text == "since is 'yesterday': it has to be a number with s, m or h\n"


async def test_what_has_not_changed_is_not_sent_again(crowd):
    async with served(crowd) as server:
        first = await get(server, "/debug/actors")
        tag = {"If-None-Match": first.headers["ETag"]}
        same = await get(server, "/debug/actors", headers=tag)
        crowd.refs["a"].tell(reconcile("spec"))
        busy = await get(server, "/debug/actors", headers=tag)
        await settle()
        changed = await get(server, "/debug/actors", headers=tag)
    assert (same.status, same.text) == (304, "")
    assert (busy.status, changed.status) == (200, 200)
    assert changed.headers["ETag"] != first.headers["ETag"]


async def test_an_unchanged_etag_holds_for_seconds_only_as_watches_change_without_mail(crowd):
    async with served(crowd) as server:
        first = await get(server, "/debug/trace")
        await crowd.clock.advance(10)
        later = await get(server, "/debug/trace", headers={"If-None-Match": first.headers["ETag"]})
    assert later.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8082", 200),
        ("[::1]:8082", 200),
        ("10.0.0.7", 200),
        ("LocalHost:80", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8082", 403),
        ("localhost.evil.example", 403),
        ("[evil.example]", 403),
        ("", 403),
    ],
)
async def test_the_dump_is_not_for_a_web_page_under_its_own_name(runtime, host, status):
    async with running(serving(runtime, dict)) as server:
        answer = await get(server, "/debug/actors", headers={"Host": host})
    assert answer.status == status


@pytest.mark.parametrize(
    ("site", "mode", "dest", "status"),
    [
        ("none", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("cross-site", "navigate", "document", 200),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "script", 403),
    ],
)
async def test_no_page_of_another_origin_has_the_dump_made(runtime, site, mode, dest, status):
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
    async with running(serving(runtime, dict)) as server:
        assert (await get(server, "/debug/actors", headers=headers)).status == status


def serving(runtime, tree):
    """A server of this tree, in which no object has an actor."""
    return DebugServer(runtime, ANY_PORT, tree, lambda _ref: None, page_of(runtime))


def page_of(runtime, *roots):
    return Page(runtime, "program", lambda: roots, lambda: None, (), 30.0)
