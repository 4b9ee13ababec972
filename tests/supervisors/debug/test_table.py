"""The rows of all actors, of which those that have changed are read again."""

from __future__ import annotations

import asyncio
import json

import pytest

from supervisors.debug.entries import Selection
from supervisors.debug.table import MOST, Table
from tests.actor_examples import BugError, reconcile
from tests.fake_clock import settle
from tests.supervisors.tree.crowd import Crowd, ref_of

ALL = Selection()


@pytest.fixture
async def crowd():
    """Two actors that have reconciled once."""
    made = Crowd()
    for name in ("a", "b"):
        await made.deliver(name, reconcile("spec"))
    await made.clock.advance(60)
    return made


class Client:
    """Keeps rows as the page does, and counts those that it has got."""

    def __init__(self, crowd, most=MOST, wanted=ALL):
        self._table = Table(crowd.runtime, lambda: [crowd.supervisor], most)
        self._wanted = wanted
        self.rows = {}
        self.after = ""

    async def ask(self):
        """The answer, after its rows are taken in."""
        answer = json.loads(await self._table.read(self._wanted, self.after))
        got = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        if answer["whole"]:
            self.rows.clear()
        self.rows |= {row["name"]: row for row in got}
        self.after = answer["after"]
        return {**answer, "got": sorted(row["name"] for row in got)}

    async def read(self):
        await self.ask()
        return self.rows


async def test_a_row_says_how_long_the_messages_of_the_trace_waited_and_ran(crowd):
    for seconds in (2.0, 5.0):
        await run_for(crowd, "a", seconds)
    row = (await Client(crowd).read())["Falco/default/a"]
    assert (row["under"], row["kind"], row["state"]) == ("falcos", "Probe", "idle")
    assert (row["run_p50"], row["run_max"], row["wait_max"]) == (2000.0, 5000.0, 0.0)
    assert (row["messages"], row["outcome"], row["error"]) == (3, "done", "")


async def test_a_handler_that_runs_has_its_beginning_and_the_mail_behind_it(crowd):
    await crowd.deliver("a", asyncio.Event(), reconcile("spec"))
    row = (await Client(crowd).read())["Falco/default/a"]
    assert (row["state"], row["mail"], row["held"]) == ("busy", 1, "the running handler")
    assert row["reasons"] == "changed Falco spec"
    assert row["doing"].startswith("Event for")
    assert row["since"] is not None


async def test_what_is_parked_says_why_and_when_it_is_tried_again(crowd):
    crowd.results["a"] += [BugError("boom")] * 10
    await crowd.deliver("a", reconcile("spec"))
    await crowd.clock.advance(60)
    answer = await (client := Client(crowd)).ask()
    row = client.rows["Falco/default/a"]
    assert (row["state"], row["error"], row["why"]) == ("parked", "BugError: boom", "retry")
    assert 0 < row["due"] - answer["now"] <= 600_000
    assert (row["outcome"], row["messages"]) == ("crash: BugError", 5)


async def test_a_client_gets_what_has_changed_since_its_last_question(crowd):
    client = Client(crowd)
    first = await client.ask()
    assert (first["whole"], first["total"], len(first["got"])) == (True, 2, 2)
    await crowd.clock.advance(1)
    assert (await client.ask())["got"] == []
    await crowd.deliver("b", reconcile("spec"))
    changed = await client.ask()
    assert (changed["whole"], changed["got"]) == (False, ["Falco/default/b"])
    assert client.rows["Falco/default/b"]["messages"] == 2


async def test_a_handler_that_ends_after_a_question_is_told_by_the_next(crowd):
    client = Client(crowd)
    end = asyncio.Event()
    crowd.results["a"] += [end]
    await crowd.deliver("a", reconcile("spec"))
    assert (await client.read())["Falco/default/a"]["state"] == "busy"
    await crowd.clock.advance(60)
    await client.ask()
    end.set()
    await settle()
    await client.ask()
    assert client.rows["Falco/default/a"]["state"] == "idle"
    await crowd.clock.advance(1)
    await client.ask()
    assert (await client.ask())["got"] == []


async def test_an_actor_that_is_gone_is_known_by_the_number_of_rows(crowd):
    client = Client(crowd)
    await client.ask()
    await crowd.refs["a"].stop()
    await crowd.deliver("c", reconcile("spec"))
    answer = await client.ask()
    assert (answer["total"], len(client.rows)) == (2, 3)
    client.after = ""
    assert sorted(await client.read()) == ["Falco/default/b", "Falco/default/c"]


@pytest.mark.parametrize("after", ["", "3f2a91bc:1.0", "nonsense", "::"])
async def test_whoever_has_rows_of_another_process_gets_all(crowd, after):
    client = Client(crowd)
    client.after = after
    assert (await client.ask())["whole"]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Selection(kind="Falco"), 2),
        (Selection(kind="Probe", namespace="default"), 2),
        (Selection(kind="Plugin"), 0),
        (Selection(namespace="other"), 0),
    ],
)
async def test_rows_are_of_the_kind_and_namespace_that_are_wanted(crowd, wanted, count):
    assert len(await Client(crowd, wanted=wanted).read()) == count


async def test_of_too_many_rows_those_that_are_idle_are_counted(crowd):
    crowd.results["c"] += [BugError("boom")] * 10
    for name in ("c", "d"):
        await crowd.deliver(name, reconcile("spec"))
    await crowd.clock.advance(60)
    answer = await Client(crowd, most=1).ask()
    names = [row[0] for row in answer["beyond"]]
    assert (answer["total"], answer["omitted"], names) == (1, 2, ["Falco/default/c"])


async def test_the_rest_of_the_loop_goes_on_while_rows_are_read(crowd):
    for number in range(50):
        crowd.supervisor.deliver(ref_of(f"x{number}"), reconcile("spec"))
    await settle()
    crowd.clock.monotonic = iter(range(10**6)).__next__  # each look at the clock takes a second
    turns = 0
    client = Client(crowd)

    def turn():
        nonlocal turns
        turns += 1
        crowd.supervisor.loop.call_soon(turn)

    crowd.supervisor.loop.call_soon(turn)
    await client.ask()
    assert turns >= 50


async def run_for(crowd, name, seconds):
    """Have the actor of this name reconcile once more, for so long."""
    end = asyncio.Event()
    crowd.results[name] += [end]
    await crowd.deliver(name, reconcile("spec"))
    await crowd.clock.advance(seconds)
    end.set()
    await settle()
