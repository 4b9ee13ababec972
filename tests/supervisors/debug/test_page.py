"""The page of the actors as a server gives it; what a browser makes of it is tested in one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import supervisors.debug
from supervisors.process.settings import VERSION
from tests.eventually import soon
from tests.supervisors.debug.populace import EVIL, names, populace
from tests.supervisors.serving.clients import get

WEB = Path(supervisors.debug.__file__).with_name("web")
SCRIPTS = sorted(WEB.glob("*.js"))


@pytest.fixture
async def process():
    """A process with ten actors of objects, and one that is parked."""
    async with populace() as made:
        for ref in (*names(10), *(ref._replace(name="crashing") for ref in names(1))):
            await made.wake(ref)
        await soon(lambda: made.falcos.actor.parked)
        await made.settle()
        yield made


async def test_the_page_may_load_nothing_but_its_own_files_and_run_nothing_inline(process):
    answer = await get(process.debug, "/debug/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not re.search(r"<script>|<style|\son\w+=|\sstyle=|https?:", answer.text)


@pytest.mark.parametrize("file", [path.name for path in WEB.iterdir() if path.suffix != ".html"])
async def test_every_file_is_served_with_its_type(process, file):
    answer = await get(process.debug, f"/debug/{file}")
    kind = {".js": "text/javascript", ".css": "text/css"}[Path(file).suffix]
    assert (answer.status, answer.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    assert "Content-Security-Policy" in answer.headers
    assert answer.text == (WEB / file).read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_html_of_text(script):
    text = script.read_text()
    made = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    assert not re.search(made, text)
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"https://ui.perfetto.dev"}


@pytest.mark.parametrize(
    "path",
    [
        "/debug/none.js",
        "/debug/page.html",
        "/debug/../server.py",
        "/debug/%2e%2e/server.py",
        "/debug/..%2fserver.py",
        "/debug/web/page.css",
        "/debug//etc/passwd",
        "/debugger",
    ],
)
async def test_nothing_else_is_served(process, path):
    import yarl

    assert (await get(process.debug, yarl.URL(path, encoded=True))).status == 404


@pytest.mark.parametrize("path", ["/", "/debug"])
async def test_the_page_is_found_from_above(process, path):
    answer = await get(process.debug, path, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (307, "/debug/")


@pytest.mark.parametrize(
    "path", ["/debug/", "/debug/main.js", "/debug/table", "/debug/process", "/debug/part"]
)
async def test_no_other_site_may_read_it_under_its_own_name(process, path):
    assert (await get(process.debug, path, headers={"Host": "evil.example"})).status == 403


async def test_the_process_tells_of_itself_and_is_the_same_until_something_changes(process):
    first = await get(process.debug, "/debug/process")
    told = json.loads(first.text)
    assert (told["version"], told["program"], told["waits_for"]) == (1, "falco-operator", None)
    own, gate = told["sections"]  # without watches there is no section of theirs
    assert own["content"]["version"] == VERSION
    assert own["content"]["last API error"] is None
    assert gate == {"name": "gate", "content": {"open": True, "waits for": EVIL}}
    falcos = next(part for part in told["tree"] if part["name"] == "falcos")
    assert (falcos["under"], falcos["actors"], falcos["parked"]) == ("operator", 2, 1)
    assert told["resources"]["DaemonSet"] == "daemonsets.apps"

    async def known():
        tag = {"If-None-Match": (await get(process.debug, "/debug/process")).headers["ETag"]}
        return (await get(process.debug, "/debug/process", headers=tag)).status == 304

    assert any([await known() for _ in range(20)])  # unless memory has grown in between


async def test_the_table_has_a_tag_and_its_rows_are_bounded_json(process):
    first = await get(process.debug, "/debug/table")
    table = json.loads(first.text)
    state = table["columns"].index("state")
    assert (table["total"], table["omitted"]) == (len(table["rows"]), 0)
    assert [row[0] for row in table["rows"] if row[state] == "parked"] == ["Falco/team-00/crashing"]
    assert EVIL in first.text
    tag = {"If-None-Match": first.headers["ETag"]}
    assert (await get(process.debug, "/debug/table", headers=tag)).status == 304
    await process.wake(names(1)[0])
    await process.settle()
    again = await get(process.debug, f"/debug/table?after={table['after']}", headers=tag)
    changed = {row[0] for row in json.loads(again.text)["rows"] if "/" in row[0]}
    assert changed == {"Falco/team-00/crashing", "Falco/team-00/sensor-00000"}


async def test_a_part_is_described_and_no_actor_of_an_object_is(process):
    described = []
    for child in process.falcos.actor._children.values():
        child.ref.actor_inbox.actor.describe = lambda: described.append("an object's")
    found = await get(process.debug, "/debug/part?under=operator&name=router")
    assert json.loads(found.text)["actor"]["state"] == "idle"
    for query in ("under=operator&name=falcos", "under=falcos&name=Falco/team-00/crashing", ""):
        assert (await get(process.debug, f"/debug/part?{query}")).status == 404
    assert described == []
