"""A node beside a Falco that misses changes, exits, and refuses what it is given."""

import asyncio
import hashlib
import random
import subprocess
from contextlib import asynccontextmanager

import pytest

from resources.node.files import Directory
from sidecar.volume.disk import VolumeError
from tests.fake_clock import FakeClock
from tests.sampled import every_step, examples
from tests.sidecar.node.simulated_falco import SeenDisk, SimulatedFalco
from tests.sidecar.node.simulated_node import SimulatedNode, TimedVolume
from tests.sidecar.volume.killed import killed_at, steps

PROGRAMMED = ("Programmed", None, "True", None)
REFUSED = ("Failed", "InvalidContent", "False", "InvalidContent")
BATCHES = 300
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _without_threads(monkeypatch):
    """Time stands still while the disk is written."""

    async def at_once(step, *args, **kwargs):
        return step(*args, **kwargs)

    for module in ("installation", "load_record", "falco_versions"):
        monkeypatch.setattr(f"sidecar.node.{module}.in_thread", at_once)


class Pod:
    """A node and its Falco, which starts after a second."""

    def __init__(self, root, disk=None, chance=None):
        for place in Directory:
            (root / place.value).mkdir(parents=True, exist_ok=True)
        self.root = root
        self.clock = FakeClock()
        self.disk = SeenDisk(disk.watch) if disk else SeenDisk()
        self.chance = chance or random.Random(1)
        self.falco = SimulatedFalco(root, self.clock, self.chance)
        self.node = self._sidecar(0)

    @asynccontextmanager
    async def running(self):
        await self.clock.advance(1.0)
        self.node.open_gate()
        self.disk.falco = self.falco
        task = asyncio.create_task(self.falco.run())
        await self.clock.advance(10.0)
        try:
            yield self
        finally:
            task.cancel()
            await self.node.stop()

    async def restart(self):
        """Another sidecar beside the same Falco; artifacts must be put again."""
        await self.node.stop()
        self.node = self._sidecar(self.node.volume.changed_at())
        await self.clock.advance(0.0)

    def _sidecar(self, changed_at):
        volume = TimedVolume(self.root, self.disk, self.clock, changed_at)
        return SimulatedNode(volume, self.clock, self.falco)

    async def put(self, *names, kind="Rulesfile", text="good", seconds=20.0):
        for name in names:
            self.node.put(kind, name, text)
        self.node.listed()
        await self.clock.advance(seconds)

    def told(self, name, kind="Rulesfile"):
        return self.node.reports()[kind, name][1:]

    def files(self):
        """Text by name of the rules files."""
        folder = self.root / Directory.RULES.value
        return {path.name: path.read_text() for path in folder.glob("*.yaml")}

    def text(self, name):
        return self.files().get(f"50-03-{name}-inline.yaml", "").strip("# \n")


@pytest.fixture
async def pod(root):
    async with Pod(root).running() as made:
        yield made


class Traffic:
    """Artifacts that come, change and go, several at once; some have `bad` in their text."""

    def __init__(self, pod, bad="", share=0.0):
        self.pod, self.chance, self.clock = pod, pod.chance, pod.clock
        self.bad, self.share = bad, share
        self.wanted = {}
        self.since = {}
        self.waits = []
        """Seconds from each edit until it was loaded, if no other came first."""
        pod.node.at_each_report.append(self.look)
        pod.node.listed()

    async def flow(self, batches):
        for number in range(batches):
            for _ in range(self.chance.randint(1, 3)):
                self.edit(number)
            await self.clock.advance(self.chance.uniform(0.02, 1.5))

    def edit(self, number):
        kind = self.chance.choice(["Rulesfile"] * 3 + ["Config", "Plugin"])
        key = kind, f"{kind[0].lower()}{self.chance.randint(0, 9)}"
        if key in self.wanted and self.chance.random() < 0.35:
            del self.wanted[key]
            self.pod.node.delete(*key)
            return
        is_bad = kind != "Plugin" and self.chance.random() < self.share
        text = f"v{number} {self.bad}" if is_bad else f"v{number}"
        self.wanted[key] = text
        self.since[key] = self.clock.monotonic()
        if kind == "Plugin":
            self.pod.node.put_plugin(key[1], text)
        else:
            self.pod.node.put(*key, text)

    def look(self):
        """What is said to be loaded is what Falco runs."""
        running = self.pod.falco.loaded
        for (kind, name), (text, state, _, loaded, _) in self.pod.node.reports().items():
            if (state, loaded) != ("Programmed", "True"):
                continue
            if self.wanted.get((kind, name)) == text and (kind, name) in self.since:
                self.waits.append(self.clock.monotonic() - self.since.pop((kind, name)))
            directory = Directory.RULES if kind == "Rulesfile" else Directory.CONFIG
            path = f"{directory.value}/50-03-{name}-inline.yaml"
            if running is not None and kind != "Plugin":
                assert running.get(path) == hashlib.sha256(f"# {text}\n".encode()).hexdigest()

    def check_end(self):
        """All that is good is loaded, and of the rest it is said that Falco has refused it."""
        assert self.pod.node.reports() == {
            key: (text, *(REFUSED if self.bad and self.bad in text else PROGRAMMED))
            for key, text in self.wanted.items()
        }
        on_disk = {
            f"{place.value}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
            for place in (Directory.RULES, Directory.CONFIG)
            for path in (self.pod.root / place.value).glob("*.yaml")
        }
        assert self.pod.falco.loaded == on_disk


@examples(1, 2)
async def test_batches_at_random_distances_are_all_loaded_and_falco_does_not_exit(
    quick_directory, examples
):
    for seed in range(examples):
        pod = Pod(quick_directory / str(seed), chance=random.Random(seed))
        async with pod.running():
            traffic = Traffic(pod)
            await traffic.flow(BATCHES)
            await pod.clock.advance(60.0)
            traffic.check_end()
            assert (pod.falco.exits, pod.falco.refusals) == (0, 0)
            assert pod.node.state.renewals <= 2
            waits = sorted(traffic.waits)
            assert waits[len(waits) // 2] < 5.0
            assert waits[-1] < 15.0


@pytest.mark.parametrize("bad", ["refused", "deadly"])
@examples(1, 4)
async def test_of_batches_that_falco_refuses_in_part_the_rest_is_loaded(
    quick_directory, bad, examples
):
    for seed in range(examples):
        pod = Pod(quick_directory / str(seed), chance=random.Random(seed))
        async with pod.running():
            traffic = Traffic(pod, bad, 0.05)
            await traffic.flow(60)
            await pod.clock.advance(2 * HOUR)
            traffic.check_end()


async def test_what_falco_refuses_is_taken_back_so_that_it_can_start_again(pod):
    await pod.put("a", "b")
    await pod.put("a", text="refused", seconds=120.0)
    assert (pod.text("a"), pod.told("a")) == ("good", REFUSED)
    assert (pod.told("b"), pod.falco.exits) == (PROGRAMMED, 0)
    assert pod.node.state.refusals == 1
    refusals = pod.falco.refusals
    await pod.clock.advance(HOUR)
    assert (pod.falco.refusals, pod.told("a")) == (refusals, REFUSED)


async def test_what_is_new_and_refused_is_not_there_any_more(pod):
    await pod.put("a", text="refused", seconds=120.0)
    assert (pod.files(), pod.told("a")) == ({}, REFUSED)


async def test_a_removal_that_falco_refuses_is_taken_back(pod):
    await pod.put("a", "b")
    pod.falco.needs = "50-03-a-inline.yaml"
    pod.node.delete("Rulesfile", "a")
    await pod.clock.advance(120.0)
    assert (pod.text("a"), pod.told("b")) == ("good", PROGRAMMED)
    pod.falco.needs = ""
    await pod.put("b", text="without it", seconds=60.0)
    assert pod.files() == {"50-03-b-inline.yaml": "# without it\n"}


async def test_a_file_of_somebody_else_does_not_keep_the_way_back_from_its_end(pod):
    folder = pod.root / Directory.RULES.value
    (folder / "50-03-theirs-inline.yaml").write_text("# theirs\n")
    await pod.put("a", "theirs", seconds=60.0)
    await pod.put("a", text="refused", seconds=120.0)
    assert (pod.text("a"), pod.text("theirs"), pod.told("a")) == ("good", "theirs", REFUSED)
    await pod.put("b")
    assert pod.told("b") == PROGRAMMED


async def test_a_disk_that_is_full_delays_the_way_back_only(pod, monkeypatch):
    await pod.put("a")
    await pod.put("a", text="refused", seconds=30.0)

    def full(*_args, **_kwargs):
        raise VolumeError("write", pod.root, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pod.node.volume, "apply", full)
        await pod.clock.advance(60.0)
        assert pod.text("a") == "refused"
    await pod.clock.advance(120.0)
    assert (pod.text("a"), pod.told("a")) == ("good", REFUSED)


async def test_another_change_is_installed_while_one_is_held_back(pod):
    await pod.put("a", text="refused", seconds=120.0)
    await pod.put("b")
    assert (pod.told("a"), pod.told("b")) == (REFUSED, PROGRAMMED)


async def test_it_is_tried_again_once_its_content_changes(pod):
    await pod.put("a", text="refused", seconds=120.0)
    await pod.put("a", text="better")
    assert (pod.text("a"), pod.told("a")) == ("better", PROGRAMMED)
    assert pod.node.state.refused == {}


async def test_it_is_tried_again_once_what_it_may_depend_on_changes(pod):
    await pod.put("b", text="refused", seconds=120.0)
    refusals = pod.falco.refusals
    await pod.put("c", seconds=120.0)  # which Falco loads later
    assert pod.falco.refusals == refusals
    pod.falco.bears = b"refused"
    await pod.put("a")
    assert (pod.text("b"), pod.told("b")) == ("refused", PROGRAMMED)


async def test_it_is_tried_again_once_falco_is_another(pod):
    await pod.put("a", text="refused", seconds=120.0)
    pod.falco.engine, pod.falco.bears = "0.63.0", b"refused"
    await pod.put("b", seconds=60.0)
    assert pod.told("a") == PROGRAMMED


async def test_what_falco_does_not_come_up_with_is_taken_back_once(pod):
    await pod.put("a", "b")
    await pod.put("a", text="deadly", seconds=100.0)
    assert (pod.text("a"), pod.falco.loaded) == ("deadly", None)
    await pod.clock.advance(400.0)
    assert (pod.text("a"), pod.told("a"), pod.told("b")) == ("good", REFUSED, PROGRAMMED)
    exits, refusals = pod.falco.exits, pod.node.state.refusals
    await pod.clock.advance(HOUR)
    assert (pod.falco.exits, pod.node.state.refusals) == (exits, refusals)


async def test_a_falco_that_does_not_look_at_its_files_has_refused_nothing(pod):
    await pod.put("a")
    pod.falco.is_blind = True
    await pod.put("a", text="new", seconds=300.0)
    assert (pod.text("a"), pod.told("a")) == (
        "new",
        ("Programmed", None, "False", "NotLoaded"),
    )
    batches = pod.node.state.batches
    await pod.clock.advance(HOUR)
    assert pod.node.state.batches == batches


async def test_a_restart_of_the_sidecar_forgets_no_refusal(pod):
    await pod.put("a", text="refused", seconds=120.0)
    refusals = pod.falco.refusals
    await pod.restart()
    await pod.put("a", text="refused", seconds=HOUR)
    assert (pod.told("a"), pod.files(), pod.falco.refusals) == (REFUSED, {}, refusals)


async def test_a_restart_before_falco_has_refused_it_does_not_hide_it(pod):
    await pod.put("a")
    await pod.put("a", text="refused", seconds=10.0)
    await pod.restart()
    await pod.put("a", text="refused", seconds=200.0)
    assert (pod.told("a"), pod.text("a")) == (REFUSED, "good")


async def test_an_idle_hour_costs_falco_two_requests_every_five_minutes(pod):
    await pod.put("a", "b", "c", seconds=300.0)
    before = pod.falco.answers
    await pod.clock.advance(HOUR)
    assert 11 <= pod.falco.answers - before <= 14  # each is /metrics and /versions


async def refused_and_taken_back(root, disk):
    """A sidecar from the moment at which Falco refuses a change until it is taken back."""
    pod = Pod(root, disk)
    async with pod.running():
        await pod.put("a", "b", text="refused", seconds=75.0)


@every_step
def test_killed_at_any_step_of_the_way_back_the_next_process_completes_it(quick_directory, stride):
    original = quick_directory / "original"

    async def load():
        async with Pod(original).running() as pod:
            await pod.put("a", "b")

    def prepared(name):
        root = quick_directory / name
        subprocess.run(["cp", "-a", original, root], check=True)
        return root

    def work(root):
        return lambda disk: asyncio.run(refused_and_taken_back(root, disk))

    asyncio.run(load())
    count = len(steps(work(prepared("counted"))))
    assert count > 20
    for step in range(0, count, stride):
        root = prepared(str(step))
        killed_at(step, work(root))
        asyncio.run(check_taken_back(root))


async def check_taken_back(root):
    pod = Pod(root)
    async with pod.running():
        await pod.put("a", "b", text="refused", seconds=900.0)
        assert (pod.told("a"), pod.told("b")) == (REFUSED, REFUSED)
        assert (pod.text("a"), pod.text("b")) == ("good", "good")
        assert pod.falco.loaded is not None
