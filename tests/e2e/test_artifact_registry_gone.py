"""A registry that goes, and comes back: what is installed stays, and nobody else is bothered."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress

import pytest

from deploy.local.publisher import Repository, publish_plugin, publish_rules
from deploy.local.registry import Registry
from tests.actors.registry.hostile_registry import REPOSITORY, HostileRegistry, manifest_path
from tests.e2e.one_node import one_node
from tests.eventually import eventually

FAILED = "OCIArtifactStoreFailed"
# Seconds of an outage in which connections are counted.
OUTAGE = 20
# A try is at most so many connections, soon after each other.
TRY = 3
# Of a node: waits of up to 1, 2, 4, 8, 16 and 32 s come between tries; chance may shorten each.
OF_A_NODE = 9 * TRY
# Of the operator: half of each wait is certain, so at most 2, 4 and 8 s come between.
OF_THE_OPERATOR = 4 * TRY


@pytest.fixture(scope="module")
def shared(cluster, api, tmp_path_factory):
    with one_node(cluster, api, tmp_path_factory.mktemp("gone")) as made:
        yield made


@pytest.fixture
def fleet(shared):
    """The only node, without any artifact."""
    yield shared
    shared.clear()


@pytest.fixture
def digests(registry):
    """Of rules in two versions, by their tag."""
    return published(registry)


def published(registry):
    """The digests of rules in two versions, by their tag."""
    target = Repository(registry.url)
    return {
        tag: publish_rules(target, REPOSITORY, [tag], f"- macro: v{tag}\n  condition: evt.num<0\n")
        for tag in ("1", "2")
    }


def oci(registry, tag, **more):
    image = {"repository": REPOSITORY, "tag": tag}
    address = getattr(registry, "address", None) or f"127.0.0.1:{registry.port}"
    return {
        "ociArtifact": {"image": image, "registry": {"name": address, "plainHTTP": True}, **more}
    }


def inline(name):
    return [{"macro": name, "condition": "evt.type = open"}]


class Counting:
    """In a registry's place while it is gone: hangs up on everybody, and counts them."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._listening = socket.create_server((host, int(port)))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.times: list[float] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self):
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.times.append(time.monotonic())
                connection.close()


@contextmanager
def gone(registry):
    """The registry is not there meanwhile; those who look for it are counted."""
    registry.process.stop()
    with Counting(registry.address) as counted:
        yield counted
    registry.process.start()


def counted_in_time(counted):
    """The times of connections in the OUTAGE seconds after the first, once these have passed."""
    eventually(lambda: counted.times and time.monotonic() > counted.times[0] + OUTAGE, OUTAGE + 60)
    return [at for at in counted.times if at < counted.times[0] + OUTAGE]


@pytest.mark.usefixtures("digests")
def test_what_is_installed_stays_and_needs_nobody(fleet, registry):
    publish_plugin(
        Repository(registry.url),
        "falco/json",
        ["1"],
        {f"linux/{name}": b"a library" for name in ("amd64", "arm64")},
    )
    fleet.apply("Rulesfile", "rules", **oci(registry, "1", pollInterval="30s"))
    plugin = oci(registry, "1")
    plugin["ociArtifact"]["image"] = {"repository": "falco/json", "tag": "1"}
    fleet.apply("Plugin", "json", **plugin)
    fleet.programmed("Rulesfile", "rules")
    fleet.programmed("Plugin", "json")
    before = fleet.files()
    with gone(registry) as counted:
        fleet.node.kill()
        fleet.node.start()
        fleet.operator.stop()
        fleet.operator.start()
        fleet.apply("Rulesfile", "other", inlineRules=inline("other"))
        fleet.programmed("Rulesfile", "other")
        assert before.items() < fleet.files().items()
        eventually(lambda: counted.times, within=45)  # the poll of the tag
        fleet.apply("Rulesfile", "other", inlineRules=inline("another"))
        fleet.programmed("Rulesfile", "other")
        for kind, name in (("Rulesfile", "rules"), ("Plugin", "json")):
            assert fleet.condition(kind, name)[0] == "True"
        assert before.items() < fleet.files().items()
        assert not [event for event in fleet.events_about("rules") if FAILED in event["reason"]]
    publish_rules(
        Repository(registry.url), REPOSITORY, ["1"], "- macro: moved\n  condition: evt.num<0\n"
    )
    eventually(lambda: "moved" in fleet.node.rules()["50-01-rules-oci.yaml"], within=90)
    fleet.programmed("Rulesfile", "rules")


class Asked:
    """A registry that only the operator asks, for tags, or only the node, for digests."""

    def __init__(self, by, most, registry):
        self.by = by
        self.most = most
        self.registry = registry
        digests = published(registry)
        self.references = digests if by == "node" else {tag: tag for tag in digests}


@pytest.fixture
def both(tmp_path):
    """One registry for the operator and one for the node: both outages pass at the same time."""
    with Registry(tmp_path / "tags") as tags, Registry(tmp_path / "digests") as by_digest:
        yield [Asked("operator", OF_THE_OPERATOR, tags), Asked("node", OF_A_NODE, by_digest)]


@contextmanager
def both_gone(both):
    """Both registries are down within the context; each counts the connections to its port."""
    with ExitStack() as outage:
        yield [(asked, outage.enter_context(gone(asked.registry))) for asked in both]


def test_what_is_new_is_asked_for_less_and_less_and_comes_when_the_registry_does(fleet, both):
    names = {asked: f"new-to-{asked.by}" for asked in both}
    for asked, name in names.items():
        fleet.apply("Rulesfile", name, **oci(asked.registry, asked.references["1"]))
    fleet.apply("Rulesfile", "other", inlineRules=inline("other"))
    for name in (*names.values(), "other"):
        fleet.programmed("Rulesfile", name)
    before = fleet.files()
    with both_gone(both) as outage:
        for asked, name in names.items():
            fleet.apply("Rulesfile", name, **oci(asked.registry, asked.references["2"]))
        for asked, name in names.items():
            message = fleet.said("Rulesfile", name, "False", FAILED)
            assert asked.registry.address in message
            assert (fleet.node.node in message) == (asked.by == "node")
            fleet.said("Rulesfile", name, "True", "ReferenceResolved", "ResolvedRefs")
        assert fleet.files() == before
        assert fleet.condition("Rulesfile", "other")[0] == "True"
        for asked, counted in outage:
            assert len(counted_in_time(counted)) <= asked.most, counted.times
        assert fleet.files() == before
    for name in names.values():
        fleet.programmed("Rulesfile", name, within=90)
        assert "v2" in fleet.node.rules()[f"50-01-{name}-oci.yaml"]
        told = eventually(lambda name=name: reasons_once_stored_and_updated(fleet, name))
        assert told.count(FAILED) <= 2


def reasons_once_stored_and_updated(fleet, name):
    """Events follow the status that they explain, so they are awaited."""
    told = [event["reason"] for event in fleet.events_about(name)]
    successes = [reason for reason in told if reason != FAILED]
    assert successes == ["OCIArtifactStored", "OCIArtifactUpdated"]
    return told


MANY = 12
# One try after the other takes 0.75 s or more each, however many wait.
AT_A_TIME = OUTAGE / 0.75 * TRY


def test_many_that_miss_one_registry_do_not_storm_it(fleet, both):
    names = {asked: [f"{asked.by}-{number:02}" for number in range(MANY)] for asked in both}
    with both_gone(both) as outage:
        for asked in both:
            for number, name in enumerate(names[asked]):
                reference = asked.references["1"] if asked.by == "node" else f"absent-{number}"
                fleet.apply("Rulesfile", name, **oci(asked.registry, reference))
        for asked, counted in outage:
            assert len(counted_in_time(counted)) <= AT_A_TIME
            for name in names[asked]:
                fleet.said("Rulesfile", name, "False", FAILED)
        fleet.apply("Rulesfile", "other", inlineRules=inline("other"))
        fleet.programmed("Rulesfile", "other")
    for asked in both:
        for name in names[asked] if asked.by == "node" else ():
            fleet.programmed("Rulesfile", name, within=90)
    assert len(fleet.node.rules()) == MANY + 1


@pytest.fixture
def silent():
    """A registry that takes every request and answers none."""
    with HostileRegistry() as started:

        def say_nothing(request):
            request.close_connection = True
            started.over.wait()

        for reference in ("1", f"sha256:{'0' * 64}"):
            started.act(manifest_path(reference), say_nothing)
        yield started


@pytest.mark.parametrize("by", ["operator", "node"])
def test_a_registry_that_does_not_answer_holds_up_no_other(fleet, registry, digests, silent, by):
    reference = "1" if by == "operator" else f"sha256:{'0' * 64}"
    names = [f"silent-{number}" for number in range(4)]
    for name in names:
        fleet.apply("Rulesfile", name, **oci(silent, reference))
    eventually(lambda: len(silent.seen) >= 1)
    fleet.apply("Rulesfile", "rules", **oci(registry, "1" if by == "operator" else digests["1"]))
    fleet.programmed("Rulesfile", "rules", within=60)
    assert all(fleet.condition("Rulesfile", name)[0] != "True" for name in names)


def test_a_registry_that_asks_for_peace_is_left_in_peace_by_all(fleet, silent):
    """Also by artifacts that were not told so themselves."""
    references = [f"sha256:{number}" + "0" * 63 for number in range(5)]
    for reference in references:
        silent.serve(manifest_path(reference), b"", 429, Retry_After="20")
    for number, reference in enumerate(references):
        fleet.apply("Rulesfile", f"busy-{number}", **oci(silent, reference))
    for number in range(len(references)):
        fleet.said("Rulesfile", f"busy-{number}", "False", FAILED)
    assert len(silent.seen) == 1
    eventually(lambda: len(silent.seen) > 1, within=60)
