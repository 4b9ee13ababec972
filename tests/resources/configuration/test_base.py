import pytest
import yaml

from resources.configuration.base import base_config, config_hash

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
def test_0_39_and_0_40_are_told_the_container_engines(workload, enabled, version):
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
    "version", ["0.38.2", "0.41.0", "0.44.1", "1.0.0", "0.100.0", "latest", "sha256:" + "0" * 64]
)
def test_other_releases_do_not_know_the_key_and_an_unknown_version_is_taken_for_new(version):
    assert "container_engines" not in yaml.safe_load(base_config("DaemonSet", version))


def test_the_hash_names_the_content():
    daemon_set, deployment = base_config("DaemonSet", "0.44.1"), base_config("Deployment", "0.44.1")
    assert config_hash(daemon_set) == config_hash(base_config("DaemonSet", "0.44.0"))
    assert config_hash(daemon_set) != config_hash(deployment)
