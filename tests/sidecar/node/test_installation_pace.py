"""A Falco that runs has time to load one batch of changes before it sees the next."""

import pytest

from actors.runtime.mail import Reconcile
from actors.runtime.reason import Cause, Reason
from resources.artifact.medium import Medium
from resources.node.files import PLUGIN_ENTRIES, Directory, library_name, library_path
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotVersion
from tests.eventually import soon
from tests.fake_clock import FakeClock
from tests.sidecar.node.one_node import QUIET, Node

RULES = Directory.RULES.value
NEWS = 0.15  # what the installation waits for more news
MEGABYTE = 1_000_000


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def node(root, clock):
    return Node(root, clock)


@pytest.fixture
def running(node):
    """The same, with a Falco that was let start."""
    node.state.gate_opened = True
    return node


@pytest.fixture
def install(clock):
    """Lets time pass until the next batch is installed; returns how much that was."""

    async def installed(node):
        began = clock.monotonic()
        (due,) = await soon(lambda: clock.armed)
        await clock.advance(due - began)
        await node.installed()
        return round(due - began, 3)

    return installed


def put(node, name, text):
    """Rules that are fetched already."""
    content = f"- macro: {name}\n  condition: proc.name = {text}\n".encode()
    sha256 = node.volume.blobs.put(Directory.RULES, content)
    version = SlotVersion(f"{name}.yaml", "2026", Content(sha256, text))
    node.fetched("Rulesfile", name, {Medium.INLINE: version})


def texts(root):
    return {path.name: path.read_text().split()[-1] for path in (root / RULES).glob("*.yaml")}


async def test_nothing_waits_before_falco_may_start(node, root, install):
    for name in "abc":
        put(node, name, "x")
        assert await install(node) == NEWS
    assert len(texts(root)) == node.state.batches == 3


async def test_what_comes_while_falco_loads_is_one_batch_with_the_newest_state(
    running, root, clock, install
):
    put(running, "a", "first")
    await install(running)
    for text in ("second", "third", "fourth"):
        put(running, "a", text)
        put(running, text, text)
        await clock.advance(QUIET / 4)
    assert texts(root) == {"a.yaml": "first"}
    assert await install(running) == QUIET / 4
    assert texts(root) == {"a.yaml": "fourth"} | {
        f"{text}.yaml": text for text in ("second", "third", "fourth")
    }
    assert running.state.batches == 2


async def test_news_at_the_end_of_the_wait_is_given_the_time_to_be_complete(
    running, clock, install
):
    put(running, "a", "first")
    await install(running)
    await clock.advance(QUIET - NEWS / 3)
    put(running, "a", "second")
    assert await install(running) == NEWS


async def test_a_removal_waits_as_well(running, root, install):
    put(running, "a", "x")
    await install(running)
    running.gone("Rulesfile", "a")
    assert (await install(running), texts(root)) == (QUIET, {})


async def test_after_a_long_quiet_time_nothing_waits(running, clock, install):
    put(running, "a", "first")
    await install(running)
    await clock.advance(QUIET)
    put(running, "a", "second")
    assert await install(running) == NEWS


async def test_large_files_of_whomever_take_longer(running, root, install):
    put(running, "a", "first")
    (root / RULES).mkdir(parents=True, exist_ok=True)
    (root / RULES / "theirs.yaml").write_bytes(b"#" * 5 * MEGABYTE)
    await install(running)
    put(running, "a", "second")
    assert 5 + QUIET <= await install(running) < 6 + QUIET


async def test_a_process_that_starts_beside_falco_waits_for_it(running, root, clock, install):
    put(running, "a", "first")
    await install(running)
    running.volume.open_gate()
    await running.installation.stop()
    again = Node(root, clock)
    put(again, "a", "second")
    assert await install(again) == QUIET
    assert texts(root) == {"a.yaml": "second"}


async def test_a_library_goes_after_falco_has_loaded_what_does_not_need_it(
    running, root, clock, install
):
    sha256 = running.volume.blobs.put(Directory.PLUGINS, b"\x7fELF")
    entry = PluginEntry("p", library_path("p"))
    version = SlotVersion(library_name("p"), "2026", Content(sha256, "latest"), entry)
    running.fetched("Plugin", "p", {Medium.OCI: version})
    await install(running)
    library = root / Directory.PLUGINS.value / library_name("p")
    entries = root / Directory.CONFIG.value / PLUGIN_ENTRIES
    await clock.advance(QUIET)
    running.gone("Plugin", "p")
    await install(running)
    assert (library.exists(), entries.exists()) == (True, False)
    assert await install(running) == QUIET
    assert (library.exists(), running.state.batches) == (False, 2)


@pytest.fixture
def telling(running):
    """The same, with a Falco that says when it has loaded its files."""
    running.state.tells = True
    return running


def says_that_it_has_loaded(node):
    node.state.taken = node.state.writes
    node.installation.tell(Reconcile(Reason(Cause.LOADED)))


async def test_the_next_batch_comes_as_soon_as_falco_has_loaded_the_last(
    telling, root, clock, install
):
    put(telling, "a", "first")
    await install(telling)
    put(telling, "a", "second")
    await clock.advance(QUIET / 4)
    assert (telling.state.is_held, texts(root)) == (True, {"a.yaml": "first"})
    says_that_it_has_loaded(telling)
    await telling.installed()
    assert texts(root) == {"a.yaml": "second"}


async def test_a_falco_that_still_loads_has_more_than_the_quiet_time(telling, root, clock, install):
    put(telling, "a", "first")
    await install(telling)
    put(telling, "a", "second")
    await clock.advance(QUIET + 1)
    assert texts(root) == {"a.yaml": "first"}
    assert await install(telling) == 30 - 1


async def test_a_library_goes_once_falco_has_loaded_the_entries_without_it(
    telling, root, clock, install
):
    sha256 = telling.volume.blobs.put(Directory.PLUGINS, b"\x7fELF")
    entry = PluginEntry("p", library_path("p"))
    version = SlotVersion(library_name("p"), "2026", Content(sha256, "latest"), entry)
    telling.fetched("Plugin", "p", {Medium.OCI: version})
    await install(telling)
    says_that_it_has_loaded(telling)
    telling.gone("Plugin", "p")
    await install(telling)
    library = root / Directory.PLUGINS.value / library_name("p")
    await clock.advance(QUIET + 1)
    assert library.exists()
    says_that_it_has_loaded(telling)
    await telling.installed()
    assert not library.exists()


async def test_a_falco_that_is_away_gets_the_newest_set_once(telling, root, clock, install):
    put(telling, "a", "first")
    await install(telling)
    telling.state.silent_since = clock.monotonic()
    telling.state.written_before = telling.state.writes
    await clock.advance(30)
    put(telling, "a", "second")
    assert await install(telling) == NEWS
    put(telling, "a", "third")
    assert 70 < await install(telling) < 75
    assert texts(root) == {"a.yaml": "third"}
    put(telling, "a", "fourth")
    assert await install(telling) == QUIET
