import pytest
import yaml

from resources.configuration.base import base_config, config_hash
from resources.configuration.fragment import read

COMMON = {
    "config_files": ["/etc/falco/config.d"],
    "rules_files": ["/etc/falco/rules.d"],
    "plugins": [],
    "load_plugins": [],
    "watch_config_files": True,
    "stdout_output": {"enabled": True},
    "syslog_output": {"enabled": True},
    "log_stderr": True,
    "log_syslog": True,
}


@pytest.mark.parametrize(
    ("workload", "engine"), [("DaemonSet", "modern_ebpf"), ("Deployment", "nodriver")]
)
def test_the_base_configuration_has_every_default(workload, engine):
    config = yaml.safe_load(base_config(workload, "0.44.1"))
    assert {key: config[key] for key in COMMON} == COMMON
    assert config["engine"] == {"kind": engine}
    assert config["webserver"] == {
        "enabled": True,
        "listen_port": 8765,
        "k8s_healthz_endpoint": "/healthz",
        "prometheus_metrics_enabled": True,
    }
    assert config["metrics"]["enabled"] is True
    assert config["metrics"]["interval"] == "1h"


@pytest.mark.parametrize(("workload", "enabled"), [("DaemonSet", True), ("Deployment", False)])
@pytest.mark.parametrize("version", ["0.40.0", "0.40.0-debian", "v0.39.2", "0.40"])
def test_before_0_41_the_container_engines_are_configured(workload, enabled, version):
    engines = yaml.safe_load(base_config(workload, version))["container_engines"]
    assert {name: engine["enabled"] for name, engine in engines.items()} == {
        "docker": enabled,
        "cri": enabled,
        "podman": False,
        "lxc": False,
        "libvirt_lxc": False,
        "bpm": False,
    }


@pytest.mark.parametrize(
    "version", ["0.41.0", "0.44.1", "1.0.0", "0.100.0", "latest", "sha256:" + "0" * 64]
)
def test_from_0_41_on_the_key_is_gone_and_an_unknown_version_is_taken_for_new(version):
    assert "container_engines" not in yaml.safe_load(base_config("DaemonSet", version))


def test_the_hash_names_the_content():
    daemon_set, deployment = base_config("DaemonSet", "0.44.1"), base_config("Deployment", "0.44.1")
    assert config_hash(daemon_set) == config_hash(base_config("DaemonSet", "0.43.0"))
    assert config_hash(daemon_set) != config_hash(deployment)


# What Falco's code (configuration.cpp) takes where the key is absent, what the falco.yaml says that
# Falco is shipped with, and the first release of which both is so; read of 0.38 to 0.44. Of all
# other keys the two are the same.
SHIPPED = [
    ("engine.kind", "kmod", "modern_ebpf", (0, 38)),
    ("log_stderr", False, True, (0, 38)),
    ("stdout_output.enabled", False, True, (0, 38)),
    ("syslog_output.enabled", False, True, (0, 38)),
    ("webserver.enabled", False, True, (0, 38)),
    ("metrics.interval", "5000", "1h", (0, 38)),
    ("metrics.output_rule", False, True, (0, 38)),
    ("syscall_event_drops.actions", ["ignore"], ["log", "alert"], (0, 38)),
    ("metrics.kernel_event_counters_per_cpu_enabled", True, False, (0, 39)),
    ("metrics.jemalloc_stats_enabled", True, False, (0, 40)),
    ("append_output", [], [{"suggested_output": True}], (0, 40)),
    ("falco_libs.snaplen", 0, 80, (0, 40)),
]
# Where we differ from the shipped falco.yaml, and why.
DIFFERENT = {
    "rules_files": "rules come as Rulesfiles, in one directory",
    "plugins": "plugins come as Plugins",
    "metrics.enabled": "the operator's users look at /metrics",
    "webserver.prometheus_metrics_enabled": "the operator's users look at /metrics",
    "metrics.output_rule": "metrics among the alerts are noise beside /metrics",
    "libs_logger.enabled": "the lines of libs are for developers",
    "falco_libs.snaplen": "0 leaves it to libs, which take 80",
}


def setting(config, path):
    for name in path.split("."):
        if not isinstance(config, dict) or name not in config:
            return None
        config = config[name]
    return config


@pytest.mark.parametrize("release", [(0, minor) for minor in range(38, 45)])
@pytest.mark.parametrize(
    ("path", "code", "shipped", "since"), SHIPPED, ids=[row[0] for row in SHIPPED]
)
def test_falco_decides_as_with_its_own_falco_yaml(path, code, shipped, since, release):
    config = yaml.safe_load(base_config("DaemonSet", "{}.{}.0".format(*release)))
    ours = setting(config, path)
    if release < since:
        assert ours is None
        return
    effective = code if ours is None else ours
    assert (effective != shipped) is (path in DIFFERENT)


@pytest.mark.parametrize("version", ["0.38.0", "0.39.2", "0.40.0", "0.41.3", "0.43.1", "0.44.1"])
def test_the_base_configuration_has_no_key_that_its_release_does_not_know(version):
    major, minor, _ = map(int, version.split("."))
    release = (major, minor)
    content = read(base_config("Deployment", version).encode(), release)
    assert not content.warnings
