"""Listing and watching a real API server, through all that can come in between."""

import asyncio
import os
import shutil
import signal
from uuid import uuid4

import msgspec
import pytest

from actors.api.client import Client
from actors.watch import paging
from actors.watch.source import Source
from actors.watch.store import Store
from actors.watch.watcher_states import Listing, Waiting, Watching
from tests.actors.watch.watching import ConfigMaps, GatedClock, watching
from tests.eventually import eventually, soon
from tests.fake_clock import settle

# The API server sends a bookmark two seconds before it ends a stream.
SHORT_STREAMS = (3, 3)


@pytest.fixture
def config_maps(control_plane, namespace):
    """The ConfigMaps of a namespace on the shared control plane, which makes the first itself."""
    made = ConfigMaps(control_plane, namespace)
    eventually(lambda: made.exists("kube-root-ca.crt"))
    return made


@pytest.fixture
def mortal_config_maps(mortal):
    """The ConfigMaps of a namespace on the API server that may be stopped."""
    mortal.kubectl("create", "namespace", name := f"actors-{uuid4().hex[:8]}")
    return ConfigMaps(mortal, name)


@pytest.fixture
def labelled():
    """A label value of the test's own, to be selected by."""
    return {"watched-by": uuid4().hex}


# Listing.


class Pages(Client):
    """Notes what the Store shows each time that a page has come."""

    def __init__(self, transport, store):
        super().__init__(transport)
        self.store = store
        self.shown = []

    async def list_page(self, *arguments):
        page = await super().list_page(*arguments)
        self.shown.append(len(list(self.store.of_kind("ConfigMap"))))
        return page


async def test_the_store_shows_nothing_of_a_list_before_its_last_page(
    config_maps, transport, monkeypatch
):
    monkeypatch.setattr(paging, "SIZE", 2)
    names = [f"object-{number}" for number in range(5)]
    for name in names:
        config_maps.create(name)
    store = Store()
    pages = Pages(transport, store)
    async with watching(transport, config_maps.source(), store=store, client=pages) as (_, told):
        await soon(lambda: told.lists)
        assert set(names) <= {snapshot.ref.name for snapshot in store.of_kind("ConfigMap")}
        assert {word for word, _ in told.told} == {"new"}
    assert len(pages.shown) >= 3
    assert set(pages.shown) == {0}


async def test_an_empty_list_is_told_as_listed(config_maps, transport, labelled):
    source = config_maps.source(label_selector=f"watched-by={labelled['watched-by']}")
    async with watching(transport, source) as (watcher, told):
        await soon(lambda: told.lists)
        assert told.changes == []
        assert watcher.store.revision("ConfigMap") > 0


async def test_a_kind_that_is_not_served_yet_is_listed_again(mortal, connect):
    # Another test may have had it served.
    crd = "falcos.instance.falcosecurity.dev"
    mortal.kubectl("delete", "customresourcedefinition", crd, "--ignore-not-found")
    async with watching(await connect(mortal), Source("Falco")) as (watcher, told):
        await soon(lambda: len(told.missing) > 1)
        assert watcher.last_error.startswith("404")
        assert told.lists == 0


# Watching.


async def test_changes_reach_store_and_audience_in_their_order(config_maps, transport):
    async with watching(transport, config_maps.source()) as (watcher, told):
        await soon(lambda: told.opened)
        told.changes.clear()
        config_maps.create("one", key="first")
        config_maps.create("two")
        config_maps.replace("one", key="second")
        config_maps.delete("two")
        config_maps.delete("one")
        await soon(lambda: len(told.changes) == 5)
        assert told.told == [
            ("new", "one"),
            ("new", "two"),
            ("changed", "one"),
            ("gone", "two"),
            ("gone", "one"),
        ]
        revisions = [change.after.revision for change in told.changes if change.after]
        assert revisions == sorted(revisions)
        assert watcher.store.revision("ConfigMap") > revisions[-1]
        assert watcher.store.get(config_maps.ref("one")) is None


async def test_an_object_that_loses_the_label_is_told_as_gone(config_maps, transport, labelled):
    source = config_maps.source(label_selector=f"watched-by={labelled['watched-by']}")
    async with watching(transport, source) as (watcher, told):
        await soon(lambda: told.opened)
        config_maps.create("foreign")
        config_maps.create("ours", labelled)
        config_maps.replace("ours", {})
        config_maps.replace("ours", labelled)
        await soon(lambda: len(told.changes) == 3)
        assert told.told == [("new", "ours"), ("gone", "ours"), ("new", "ours")]
        assert watcher.store.get(config_maps.ref("ours")) is not None


async def test_only_objects_with_the_field_are_listed_and_told_of(config_maps, transport):
    for name in ("ours", "foreign"):
        config_maps.create(name)
    source = config_maps.source(field_selector="metadata.name!=foreign")
    async with watching(transport, source) as (watcher, told):
        await soon(lambda: told.opened)
        config_maps.replace("foreign", key="value")
        config_maps.replace("ours", key="value")
        await soon(lambda: told.told[-1] == ("changed", "ours"))
        assert "foreign" not in {name for _, name in told.told}
        assert watcher.store.get(config_maps.ref("foreign")) is None


async def test_an_object_of_a_megabyte_passes(config_maps, transport):
    text = "x" * 1_000_000
    async with watching(transport, config_maps.source()) as (watcher, told):
        await soon(lambda: told.opened)
        config_maps.create("large", key=text)
        snapshot = await soon(lambda: watcher.store.get(config_maps.ref("large")))
        assert msgspec.json.decode(snapshot.raw)["data"]["key"] == text
        config_maps.create("small")
        await soon(lambda: ("new", "small") in told.told)
        assert (told.lists, told.opened) == (1, 1)


async def test_bookmarks_move_the_resume_point(config_maps, transport, labelled):
    source = config_maps.source(
        label_selector=f"watched-by={labelled['watched-by']}", server_timeout=SHORT_STREAMS
    )
    async with watching(transport, source) as (watcher, told):
        await soon(lambda: told.opened)
        listed = watcher.store.revision("ConfigMap")
        config_maps.create("foreign")
        await soon(lambda: told.heard)
        assert watcher.store.revision("ConfigMap") > listed
        await soon(lambda: told.opened == 2)
        assert isinstance(watcher.state, Watching)
        assert int(watcher.state.version) > listed
        assert told.changes == []


async def test_a_stream_that_the_server_ends_is_resumed_without_a_gap(config_maps, transport):
    source = config_maps.source(server_timeout=(1, 1))
    async with watching(transport, source) as (_, told):
        await soon(lambda: told.opened)
        told.changes.clear()
        names: list[str] = []
        while told.opened < 3:
            names.append(f"object-{len(names)}")
            config_maps.create(names[-1])
            await asyncio.sleep(0.02)
        await soon(lambda: len(told.changes) == len(names))
        assert told.told == [("new", name) for name in names]
        assert told.lists == 1


# The API server goes away.


@pytest.mark.parametrize("end", ["stop_api_server", "kill_api_server"])
async def test_an_api_server_that_was_away_is_caught_up_with(
    mortal, connect, mortal_config_maps, end
):
    config_maps, clock = mortal_config_maps, GatedClock()
    for name in ("stays", "changes", "goes"):
        config_maps.create(name)
    source = config_maps.source()
    async with watching(await connect(mortal), source, clock=clock) as (watcher, told):
        await soon(lambda: told.opened)
        told.changes.clear()
        # The new API server knows nothing of the time before its start, and this is news.
        mortal.kubectl("create", "configmap", f"elsewhere-{uuid4().hex[:8]}")
        clock.gate.clear()
        await asyncio.to_thread(getattr(mortal, end))
        await soon(lambda: isinstance(watcher.state, Waiting))
        await asyncio.to_thread(mortal.start_api_server)
        config_maps.replace("changes", key="value")
        config_maps.delete("goes")
        config_maps.create("appears")
        assert told.changes == []
        clock.gate.set()
        await soon(lambda: told.lists == 2)
        assert "Expired" in watcher.last_error
        assert sorted(told.told) == [("changed", "changes"), ("gone", "goes"), ("new", "appears")]
        config_maps.delete("stays")
        await soon(lambda: told.told[3:] == [("gone", "stays")])


async def test_a_peer_that_fell_silent_is_left_and_caught_up_with(
    mortal, connect, mortal_config_maps
):
    config_maps = mortal_config_maps
    source = config_maps.source(silence=1.0)
    async with watching(await connect(mortal), source) as (watcher, told):
        await soon(lambda: told.opened)
        os.kill(mortal.api_server.pid, signal.SIGSTOP)
        try:
            await soon(lambda: watcher.last_error)
        finally:
            os.kill(mortal.api_server.pid, signal.SIGCONT)
        config_maps.create("after")
        await soon(lambda: ("new", "after") in told.told)
        assert "Timeout" in watcher.last_error
        assert told.lists >= 2


# etcd is restored to an older state.


async def test_after_etcd_was_restored_to_an_older_state_all_is_listed_anew(
    mortal, connect, mortal_config_maps, tmp_path
):
    config_maps, clock = mortal_config_maps, GatedClock()
    for name in ("stays", "changes"):
        config_maps.create(name)
    restore = await asyncio.to_thread(backup, mortal, tmp_path / "backup")
    config_maps.replace("changes", key="value")
    for name in ("lost", *(f"also-{number}" for number in range(20))):
        config_maps.create(name)
    source = config_maps.source()
    async with watching(await connect(mortal), source, clock=clock) as (watcher, told):
        await soon(lambda: told.opened)
        seen = watcher.store.revision("ConfigMap")
        told.changes.clear()
        clock.gate.clear()
        await asyncio.to_thread(restore)
        config_maps.create("appears")
        clock.gate.set()
        await soon(lambda: told.lists == 2)
        assert watcher.store.revision("ConfigMap") < seen
        assert {("gone", "lost"), ("changed", "changes"), ("new", "appears")} <= set(told.told)
        config_maps.delete("stays")
        await soon(lambda: told.told[-1] == ("gone", "stays"))


def backup(control_plane, directory):
    """Copy what etcd has stored; the result restores it. Both need all servers to be stopped."""
    etcd = control_plane.processes[0]
    stored = control_plane.directory / "control-plane" / "etcd"

    def copied(source, target):
        control_plane.kill_api_server()
        etcd.stop()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        etcd.start()
        control_plane.start_api_server()

    copied(stored, directory)
    return lambda: copied(directory, stored)


# Being stopped.


async def test_a_watcher_that_is_stopped_leaves_no_task_and_no_connection(config_maps, transport):
    before = asyncio.all_tasks()
    async with watching(transport, config_maps.source()) as (_, told):
        await soon(lambda: told.opened)
        await soon(lambda: transport._session.connector._acquired)
    assert not transport._session.connector._acquired
    await settle()
    assert asyncio.all_tasks() == before


async def test_a_watcher_that_is_stopped_while_it_lists_leaves_no_connection(
    mortal, connect, mortal_config_maps
):
    transport = await connect(mortal)
    os.kill(mortal.api_server.pid, signal.SIGSTOP)
    try:
        async with watching(transport, mortal_config_maps.source()) as (watcher, _):
            await soon(lambda: transport._session.connector._acquired)
            assert watcher.state == Listing()
    finally:
        os.kill(mortal.api_server.pid, signal.SIGCONT)
    assert not transport._session.connector._acquired
