"""The page of the actors as a real browser shows it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from actors.runtime.clock import SystemClock
from resources.kubernetes.reference import ObjectRef
from tests.eventually import soon
from tests.supervisors.debug.browser import needs_chromium, tab
from tests.supervisors.debug.populace import EVIL, names, populace

pytestmark = [pytest.mark.browser, needs_chromium]

COUNT = 500
ASKED = "document.body?.dataset.asked > 0"
SHOWN = "[...document.querySelectorAll('#table tr[data-key]')].map(row => row.dataset.key)"
CRASHING = ObjectRef("Falco", "team-00", "crashing")
HANGING = ObjectRef("Falco", "team-00", "hanging")


@pytest.fixture
async def process():
    """A process with many actors, one that hangs at once, and a parked one."""
    async with populace() as made:
        made.debug._page._hangs = 0.1
        for ref in (*names(COUNT), CRASHING, HANGING):
            await made.wake(ref)
        await soon(lambda: made.falcos.actor.parked)
        await made.settle()
        yield made


@pytest.fixture
async def page(process, tmp_path):
    """The page, once it has its first answer; in the end it must have had nothing to complain."""
    async with tab(tmp_path) as opened:
        await opened.open(f"http://{process.debug.address}/debug/")
        await opened.until(ASKED)
        yield opened
        assert opened.complaints == []
        assert await opened.value("document.title") == "falco-operator: actors"


def text(selector):
    return f"document.querySelector({json.dumps(selector)})?.textContent ?? ''"


async def first_opened(page):
    """The first of the actors, found by its name and opened."""
    ref = names(1)[0]
    await page.press("/")
    for letter in ref.name:
        await page.press(letter)
    await page.click(f"tr[data-key='{ref}'] a")
    await page.until("document.querySelector('.entry')")
    return ref


async def choose(page, name, value):
    """Choose this value of the filter with this name."""
    await page.value(
        f"(select => {{ select.value = '{value}';"
        "select.dispatchEvent(new Event('input', {bubbles: true})); })"
        f"(document.querySelector('#{name}'))"
    )


async def test_what_is_parked_or_hangs_is_shown_first_with_its_reason_as_text(page):
    await page.until(f"({text('#attention')}).includes('hanging')")
    lines = await page.value(
        "[...document.querySelectorAll('#attention li')].map(line => line.textContent)"
    )
    assert lines[0].startswith(f"parked {CRASHING} ValueError: {EVIL} in the answer")
    assert lines[1].startswith(f"hangs {HANGING} Reconcile for")
    assert "PATCH /apis" in lines[1]
    assert (await page.value(SHOWN))[0] == str(CRASHING)
    assert await page.value("document.querySelectorAll('img, svg, iframe').length") == 0
    assert EVIL in await page.value(text("#sections"))


async def test_only_rows_that_can_be_seen_are_elements(page):
    count = COUNT + 2 + len(("falcos", "artifacts", "router", "lookout", "dump", "debug"))
    assert await page.value(text("#count")) == f"{count} rows"
    assert 10 < len(await page.value(SHOWN)) < 80
    await page.value("document.querySelector('#scroller').scrollTop = 1e6")
    last = await page.until(f"(rows => rows.includes('operator:router') && rows)({SHOWN})")
    assert len(last) < 80


async def test_of_too_many_rows_those_of_a_kind_are_shown_once_it_is_chosen(process, page):
    process.debug._page._table._most = 200
    await process.wake(names(1)[0]._replace(name="another"))
    await page.until(f"({text('#count')}).includes('idle ones more')")
    await choose(page, "kind", "Falco")
    await page.until(f"({text('#count')}) === '{COUNT // 5 + 3} rows'")
    await choose(page, "kind", "")
    await page.until(f"({text('#count')}).includes('idle ones more')")


async def test_the_table_stays_where_it_was_while_an_actor_is_open(page):
    await page.value("document.querySelector('#scroller').scrollTop = 5000")
    await page.until(f"!({SHOWN}).includes('{CRASHING}')")
    shown = await page.value(SHOWN)
    await page.click(f"#table tr[data-key='{shown[20]}'] a")
    await page.until("document.querySelector('.entry')")
    await page.press("Escape")
    await page.until(f"({SHOWN}).includes('{shown[20]}')")
    assert await page.value("document.querySelector('#scroller').scrollTop") == 5000


async def test_rows_are_sorted_and_filtered_and_the_address_says_so(page):
    await page.click("th[data-column=name] button")
    assert (await page.value(SHOWN))[0] == "Config/team-03/sensor-00003"
    await page.click("th[data-column=name] button")
    assert (await page.value(SHOWN))[0] == "operator:router"
    await page.press("/")
    for letter in "sensor-0004":
        await page.press(letter)
    assert len(await page.until(f"(rows => rows.length === 10 && rows)({SHOWN})")) == 10
    await choose(page, "kind", "Falco")
    kept = await page.value(SHOWN)
    assert kept == ["Falco/team-05/sensor-00045", "Falco/team-00/sensor-00040"]
    address = await page.value("location.href")
    assert address.endswith("/debug/?q=sensor-0004&kind=Falco&sort=-name")
    await page.call("Page.navigate", url="about:blank")
    await page.call("Page.navigate", url=address)
    await page.until(ASKED)
    assert await page.value(SHOWN) == kept
    assert await page.value("document.querySelector('#q').value") == "sensor-0004"


async def test_an_actor_opens_with_its_timeline_its_children_and_a_command(page):
    ref = await first_opened(page)
    assert await page.value(text("#one h2")) == f"{ref} idle"
    entry = await page.value(text(".entry"))
    for told in (
        "Reconcile",
        "requeue: 600 s, drift check",
        "Woken by",
        f"changed Falco {ref.name}@1",
        "patch configmaps",
        f"{ref.namespace}/{ref.name}",
        "2 requests",
        f"updated DaemonSet/{ref.namespace}/{ref.name}: spec.template",
    ):
        assert told in entry
    bars = await page.value(
        "[...document.querySelectorAll('.entry .bars div')].map(bar => bar.offsetWidth > 0)"
    )
    assert bars == [True] * 4
    commands = await page.value(
        "[...document.querySelectorAll('.command code')].map(code => code.textContent)"
    )
    inside = f"kubectl -n {ref.namespace} get"
    assert commands == [
        f"{inside} falcos.instance.falcosecurity.dev/{ref.name} -o yaml",
        f"{inside} daemonsets.apps/{ref.name} -o yaml",
    ]
    assert (await page.value("location.search")).endswith(
        f"actor=Falco%2F{ref.namespace}%2F{ref.name}"
    )
    await page.value("history.back()")
    await page.until("!document.querySelector('#all').hidden")


async def test_a_parked_actor_opens_with_its_error_and_the_way_to_try_again(page):
    await page.click("#attention a")
    await page.until("document.querySelector('.command')")
    assert EVIL in await page.value(text("#one .why"))
    shown = await page.value(text("#one"))
    assert "annotate --overwrite falcos.instance.falcosecurity.dev/crashing" in shown
    assert "crash: ValueError" in await page.value(text(".entry"))
    assert await page.value("document.querySelectorAll('#one img').length") == 0
    assert (await page.value("document.querySelector('#download').href")).endswith(
        "/debug/trace?kind=Falco&namespace=team-00&name=crashing"
    )


async def test_a_supervisor_links_to_what_is_below_it(page):
    await page.click("#tree a[data-key='operator:falcos']")
    await page.until("document.querySelector('#one h3')")
    assert await page.value(text("#one h3")) == f"{COUNT // 5 + 2} children"
    await page.click(f"#one a[data-key='{CRASHING}']")
    await page.until(f"({text('#one h2')}).startsWith({json.dumps(str(CRASHING))})")


async def test_an_address_of_a_part_that_is_gone_says_so(page, process):
    await page.call("Page.navigate", url=f"http://{process.debug.address}/debug/?actor=operator:x")
    await page.until(f"({text('#one .why')}) === 'There is no such actor any more.'")
    await page.call("Page.navigate", url=f"http://{process.debug.address}/debug/")
    await page.until(ASKED)


async def test_a_part_opens_with_what_it_tells_of_itself(page, process):
    await page.click("#tree a[data-key='observation:debug']")
    await page.until(f"({text('#one dl')}).includes('listens')")
    assert str(process.debug.address) in await page.value(text("#one dl"))


async def test_everything_is_reached_by_the_keyboard(page):
    await page.press("t")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        await page.press(key)
    chosen = await page.value("document.querySelector('[aria-selected=true]').dataset.key")
    assert chosen == str(HANGING)
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert await page.value(f"{active}.dataset.key") == chosen
    await page.press("Enter")
    await page.until("document.activeElement.id === 'one-heading'")
    await page.press("Escape")
    await page.until("document.activeElement.id === 'table'")
    await page.press("End")
    assert await page.value(f"{active}.dataset.key") == "operator:router"
    await page.press("p")
    assert await page.value("document.querySelector('#pause').ariaPressed") == "true"


async def test_changes_are_shown_by_themselves_unless_the_page_is_paused(page, process):
    new = ObjectRef("Falco", "team-00", "aaa-new")
    await process.wake(new)
    await page.until(f"({text('#count')}).startsWith('{COUNT + 9} ')")
    # Just after an answer: one that is on its way at the time of the click counts as well.
    asked = await page.value("document.body.dataset.asked")
    click = "document.querySelector('#pause').click()"
    await page.until(f"document.body.dataset.asked > {asked} && ({click}, true)")
    before = await page.value("document.body.dataset.asked")
    await process.wake(new._replace(name="aaa-newer"))
    await process.settle()
    await page.value("new Promise(done => setTimeout(done, 2500))")
    assert await page.value("document.body.dataset.asked") == before
    await page.click("#pause")
    await page.until(f"({text('#count')}).startsWith('{COUNT + 10} ')")
    await process.falcos.actor._children[new].ref.stop()
    await page.until(f"({text('#count')}).startsWith('{COUNT + 9} ')")


async def test_perfetto_gets_the_trace_once_it_answers(page, process):
    await page.value(
        "window.open = address => { window.told = [address]; return { postMessage(what, to) {"
        "window.told.push([what, to]);"
        "if (what === 'PING') window.dispatchEvent(new MessageEvent('message',"
        "{data: 'PONG', origin: 'https://ui.perfetto.dev'})); } }; }"
    )
    await page.click("#perfetto")
    await page.until("window.told?.some(one => one[0]?.perfetto)")
    told = await page.value("[window.told[0], window.told.at(-1)[1]]")
    assert told == ["https://ui.perfetto.dev", "https://ui.perfetto.dev"]
    trace = "JSON.parse(new TextDecoder().decode(window.told.at(-1)[0].perfetto.buffer))"
    assert await page.value(f"{trace}.traceEvents.length") > COUNT
    assert await page.value("document.querySelector('#download').href") == (
        f"http://{process.debug.address}/debug/trace"
    )


async def test_a_process_that_does_not_answer_is_an_error_until_it_does(page, process, monkeypatch):
    await page.value(
        "(real => AbortSignal.timeout = ms => real(Math.min(ms, 100)))"
        "(AbortSignal.timeout.bind(AbortSignal)), 1"
    )
    with monkeypatch.context() as hanging:
        hanging.setattr(process.debug, "respond", lambda _: asyncio.Event().wait())
        await page.until(f"({text('#trouble')}).startsWith('No answer from the process')")
    await page.until("document.querySelector('#trouble').hidden")


async def test_times_are_right_after_the_clock_of_the_process_was_set(page, monkeypatch):
    ended = "[...document.querySelectorAll('#table tr[data-key] td:nth-child(6)')].at(-1)"
    await page.until(f"/(now|ago)$/.test({ended}.textContent)")
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) - timedelta(hours=3))
    asked = int(await page.value("document.body.dataset.asked"))
    await page.until(f"document.body.dataset.asked > {asked + 1}")
    assert await page.value(f"/(now|ago)$/.test({ended}.textContent)")


async def test_why_perfetto_has_no_trace_stays_until_it_has_one(page):
    await page.value("window.open = () => null, 1")
    await page.click("#perfetto")
    shown = "The trace is not opened: the browser has not opened a window for Perfetto"
    await page.until("!document.querySelector('#trouble').hidden")
    asked = int(await page.value("document.body.dataset.asked"))
    await page.until(f"document.body.dataset.asked > {asked + 1}")
    assert not await page.value("document.querySelector('#trouble').hidden")
    assert await page.value(text("#trouble")) == shown


async def test_focus_and_what_is_open_outlast_the_news_of_an_actor(page, process):
    ref = await first_opened(page)
    await page.click("#one summary")
    await page.until("document.querySelector('#one details').open")
    for selector in ("#one summary", "#one .buttons a", "#one .command button"):
        await page.value(f"document.querySelector('{selector}').focus(), 1")
        count = await page.value("document.querySelectorAll('.entry').length")
        await process.wake(ref)
        await page.until(f"document.querySelectorAll('.entry').length > {count}")
        assert await page.value(f"document.activeElement.matches('{selector}')")
        assert await page.value("document.querySelector('#one details').open")


@pytest.mark.parametrize("value", ["2026-13-01T00:00:00Z", "2026-11-01T00:00:00Z refused"])
async def test_a_text_that_begins_like_a_time_stays_a_text(page, value):
    shown = f"import('/debug/elements.js').then(({{ shown }}) => shown('{value}'))"
    assert await page.value(shown) == value
