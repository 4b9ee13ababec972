"""A pull-through cache in front of a registry: many nodes, one pull; without it, as the table says.

Both are the real registry. The cache has the configuration of the chart, but for its addresses.
"""

import os
import re
from collections import Counter
from contextlib import contextmanager
from uuid import uuid4

import pytest
import yaml

from deploy.local.publisher import Repository, publish_plugin, publish_rules
from deploy.local.registry import Registry
from resources.kubernetes.kinds import ARTIFACTS, INSTANCES
from resources.registry.table import TABLE_KEY
from tests.api import manifest
from tests.deploy.charts import cache_config
from tests.e2e.fleet import Fleet
from tests.eventually import eventually
from tests.operator_process import OperatorProcess, operator_kubeconfig

NODES = 16
LIBRARY = 8 << 20
OCI_FAILED = "OCIArtifactStoreFailed"
SENT = re.compile(r'"GET /v2/([^ ]*/(?:blobs|manifests)/[^ ]+) HTTP[^"]*" 200')
RULES = "- list: {name}\n  items: [{item}]\n"


def sent(registry):
    """How often a registry has sent each blob and manifest, by its access log."""
    return Counter(found[1] for found in SENT.finditer(registry.log.read_text()))


class Site:
    """A registry, the cache in front of it, and 16 nodes that know both by the operator's table."""

    def __init__(self, fleet, upstream, cache, authority, directory):
        self.fleet = fleet
        self.upstream = upstream
        self.cache = cache
        self._ca = authority.certificate.read_text()
        self.operators_table = directory / "registries.yaml"
        self.nodes_table = directory / TABLE_KEY

    def write_table(self, *, skip_fallback=False):
        """As an administrator edits it."""
        mirror = {"prefix": self.upstream.address, "locations": [self.cache.address]}
        hosts = {
            self.cache.address: {"tls": {"ca": self._ca}, "pullThrough": True},
            self.upstream.address: {"plainHTTP": True},
        }
        table = {"mirrors": [{**mirror, "skipFallback": skip_fallback}], "hosts": hosts}
        self.operators_table.write_text(yaml.safe_dump(table))

    def show_table(self):
        """As the kubelet shows every pod what the ConfigMap of its Falco has now."""
        held = self.fleet.api.get("ConfigMap", self.fleet.namespace, "falco")["data"][TABLE_KEY]
        shown = self.nodes_table.with_suffix(".new")
        shown.write_text(held)
        shown.replace(self.nodes_table)
        return held

    def publish(self, name):
        """A library of this name for both platforms."""
        machines = {f"linux/{machine}": os.urandom(LIBRARY) for machine in ("amd64", "arm64")}
        about = {"name": name, "version": "0.1.0"}
        return publish_plugin(
            Repository(self.upstream.url), f"falco/{name}", ["latest"], machines, about
        )

    def publish_rules(self, name):
        """Rules of this name."""
        text = RULES.format(name=name, item="bash")
        return publish_rules(Repository(self.upstream.url), f"falco/{name}", ["latest"], text)

    def source(self, name):
        """The artifact as its author names it, who knows nothing of a cache."""
        registry = {"name": self.upstream.address}
        return {"image": {"repository": f"falco/{name}"}, "registry": registry}


@pytest.fixture(scope="module")
def site(cluster, api, authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cached")
    keys = authority.server("cache", ["127.0.0.1"])
    with Registry(directory / "upstream") as upstream:
        config = cache_config(upstream.address, upstream.url)
        config["http"] = {"tls": {"certificate": str(keys.certificate), "key": str(keys.key)}}
        with (
            Registry(directory / "cache", config) as cache,
            fleet_of(cluster, api, directory) as fleet,
        ):
            site = Site(fleet, upstream, cache, authority, directory)
            site.write_table()
            with operator(cluster, directory, site.operators_table):
                start(site)
                yield site
                fleet.stop()
                for kind in (*ARTIFACTS, *INSTANCES):
                    api.clear(kind, fleet.namespace)
                gone = [*ARTIFACTS, *INSTANCES]
                eventually(
                    lambda: not any(api.list(kind, fleet.namespace) for kind in gone), within=60
                )


@contextmanager
def fleet_of(cluster, api, directory):
    """A namespace in which a Falco may be; nothing runs in it yet."""
    namespace = f"test-{uuid4().hex[:8]}"
    api.create(manifest("Namespace", "", namespace))
    made = Fleet(cluster, api, namespace, directory / "pods")
    yield made
    made.stop()
    api.delete("Namespace", "", namespace)


@contextmanager
def operator(cluster, directory, table):
    flags = [f"--registry-config={table}"]
    kubeconfig = operator_kubeconfig(cluster, directory)
    with OperatorProcess(kubeconfig, directory / "operator", flags=flags) as process:
        process.start()
        yield process


def start(site):
    """16 pods of one Falco, each with its sidecar."""
    (site.nodes_table.parent / "pods").mkdir()
    flags = [f"--registry-config={site.nodes_table}"]
    site.fleet.falco(type="Deployment", replicas=NODES, flags=flags)
    site.show_table()
    site.fleet.start()


def libraries(site):
    return [sidecar.libraries() for sidecar in site.fleet.sidecars]


def has_changed_its_table(sidecar):
    return "the table of registries has changed" in sidecar.log.read_text()


def test_16_nodes_are_one_pull_of_each_blob(site):
    before = sent(site.upstream)
    site.publish("json")
    site.publish_rules("shells")
    site.fleet.apply("Plugin", "json", ociArtifact=site.source("json"))
    site.fleet.apply("Rulesfile", "shells", ociArtifact=site.source("shells"))
    site.fleet.programmed("Plugin", "json", within=120)
    site.fleet.programmed("Rulesfile", "shells", within=120)
    assert libraries(site) == [["json.so"]] * NODES
    pulled = sent(site.upstream) - before
    assert set(pulled.values()) == {1}
    # Of the library an index, by its tag, and for each platform a manifest and a blob; one config
    # for both. Of the rules a manifest, a config and a blob.
    assert len(pulled) == 9


def test_16_nodes_are_one_pull_of_each_blob_of_a_digest_too(site):
    digest, before = site.publish("pinned"), sent(site.upstream)
    source = site.source("pinned")
    source["image"]["tag"] = digest
    site.fleet.apply("Plugin", "pinned", ociArtifact=source)
    site.fleet.programmed("Plugin", "pinned", within=120)
    pulled = sent(site.upstream) - before
    assert (set(pulled.values()), len(pulled)) == ({1}, 6)
    site.fleet.delete("Plugin", "pinned")
    site.fleet.everywhere(lambda sidecar: "pinned.so" not in sidecar.libraries())


def test_with_the_cache_gone_nodes_ask_the_registry_itself(site):
    site.cache.stop()
    before = sent(site.upstream)
    digest = site.publish("fallback")
    site.fleet.apply("Plugin", "fallback", ociArtifact=site.source("fallback"))
    site.fleet.programmed("Plugin", "fallback", within=120)
    assert libraries(site) == [["fallback.so", "json.so"]] * NODES
    pulled = sent(site.upstream) - before
    assert pulled[f"falco/fallback/manifests/{digest}"] == NODES
    site.fleet.delete("Plugin", "fallback")
    site.cache.process.start()


def test_without_a_fallback_nodes_keep_what_they_have_until_the_cache_is_back(site):
    held = site.show_table()
    site.write_table(skip_fallback=True)
    eventually(lambda: site.show_table() != held, within=60)
    site.fleet.everywhere(has_changed_its_table)
    site.cache.stop()
    before = sent(site.upstream)
    digest = site.publish("later")
    source = site.source("later")
    source["image"]["tag"] = digest
    site.fleet.apply("Plugin", "later", ociArtifact=source)

    def failed():
        status, reason, message = site.fleet.condition("Plugin", "later")
        assert (status, reason) == ("False", OCI_FAILED)
        return message

    assert f"https://{site.cache.address} cannot be reached" in eventually(failed, within=60)
    assert all("json.so" in names and "later.so" not in names for names in libraries(site))
    assert not sent(site.upstream) - before
    site.cache.process.start()
    site.fleet.programmed("Plugin", "later", within=180)
    assert all("later.so" in names for names in libraries(site))
