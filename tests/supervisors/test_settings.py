"""Flags and environment become one frozen value, or a message that helps."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from supervisors.process.ignored_flags import IGNORED, warn
from supervisors.process.settings import VERSION
from supervisors.serving.exposure import Address
from supervisors.settings import parse

EVERY_FLAG = (
    "--metrics-bind-address=127.0.0.1:9090",
    "--metrics-secure",
    "--metrics-cert-path=/certificates",
    "--health-probe-bind-address",
    "[::1]:8081",
    "--debug-bind-address=0",
    "--debug-dump-directory=/dumps",
    "--trace-size=65536",
    "--excluded-labels=team",
    "--excluded-labels=example.com/*",
    "--leader-elect",
    "--max-concurrent-reconciles=7",
    "--require-registry-annotation",
    "--default-validation=Warn",
    "--exact-check=copy",
    "--verify-official=Enforce",
    "--verify-others=Warn",
    "--trusted-root=/root.json",
    "--registry-config=/registries.yaml",
    "--pull-window=5s",
    "--allow-local-registry=Localhost:5000",
    "--allow-local-registry=[::1]",
    "--log-level=debug",
    "--log-format=json",
)


def test_without_flags_the_documented_defaults_hold():
    settings = parse([], {})
    assert settings.process.exposed.metrics == Address("", 8080)
    assert settings.process.exposed.health == Address("", 8081)
    assert settings.process.exposed.debug == Address("127.0.0.1", 8082)
    assert settings.process.exposed.metrics_certificates is None
    assert settings.excluded_labels == ()
    assert (settings.process.log_level, settings.process.log_format) == ("info", "text")
    assert settings.artifact_operator_image == "docker.io/falcosecurity/artifact-operator:latest"
    assert settings.process.kubeconfig == ""
    assert settings.process.exposed.dump_directory == Path("/tmp")
    assert not settings.leader_elect
    assert settings.registry_policy == (False, ())
    assert settings.default_validation == "Enforce"
    assert settings.exact_check == "auto"
    assert (settings.signature_modes, settings.trusted_root) == (("Warn", "Off"), "")
    assert settings.registry_config == ""
    assert settings.pull_window == 120.0
    assert settings.most_reconciles == 32
    assert (settings.namespace, settings.pod_name) == ("", "")


def test_every_flag_and_variable_is_taken():
    environ = {
        "ARTIFACT_OPERATOR_IMAGE": "registry:5000/sidecar:1",
        "KUBECONFIG": "/a:/b",
        "POD_NAME": "operator-0",
        "POD_NAMESPACE": "falco",
    }
    settings = parse(EVERY_FLAG, environ)
    assert dataclasses.asdict(settings) == {
        "process": {
            "exposed": {
                "metrics": Address("127.0.0.1", 9090),
                "metrics_certificates": Path("/certificates"),
                "health": Address("::1", 8081),
                "debug": None,
                "dump_directory": Path("/dumps"),
                "listen_again": None,
            },
            "log_level": "debug",
            "log_format": "json",
            "trace_room": 65536,
            "kubeconfig": "/a:/b",
            "ignored_flags": (),
        },
        "excluded_labels": ("team", "example.com/*"),
        "artifact_operator_image": "registry:5000/sidecar:1",
        "leader_elect": True,
        "registry_policy": (True, ("localhost:5000", "[::1]")),
        "default_validation": "Warn",
        "exact_check": "copy",
        "signature_modes": ("Enforce", "Warn"),
        "trusted_root": "/root.json",
        "registry_config": "/registries.yaml",
        "pull_window": 5.0,
        "most_reconciles": 7,
        "namespace": "falco",
        "pod_name": "operator-0",
    }


def test_only_the_given_environment_counts(monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    assert parse([], {"TMPDIR": "/here"}).process.exposed.dump_directory == Path("/here")
    assert parse([], {}).process.kubeconfig == ""


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse([], {}).pod_name = "other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse([], {}).process.log_level = "debug"  # type: ignore[misc]


def test_an_excluded_label_given_twice_counts_once():
    flags = ["--excluded-labels=b", "--excluded-labels=a", "--excluded-labels=b"]
    assert parse(flags, {}).excluded_labels == ("b", "a")


@pytest.mark.parametrize("text", ["", "a b", "http://a", "a/b", "a:port", "::1", "a:99999", "u@a"])
def test_what_is_no_host_is_refused_with_flag_value_and_allowed_forms(text, capsys):
    error = refusal([f"--allow-local-registry={text}"], {}, capsys)
    assert "--allow-local-registry" in error
    assert repr(text) in error
    assert "localhost" in error


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", Address("", 8080)),
        (":0", Address("", 0)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("localhost:65535", Address("localhost", 65535)),
        ("[::1]:8082", Address("::1", 8082)),
        ("0", None),
    ],
)
def test_an_address_is_a_host_and_a_port_or_off(text, address):
    parsed = parse([f"--debug-bind-address={text}"], {}).process.exposed.debug
    assert parsed == address
    assert str(parsed) == text or address is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "8080", "127.0.0.1", ":", "00"),
        *(":65536", ":-1", ":80x", ":٣"),
        *("::1:80", "[127.0.0.1]:80", "[]:80", "localhost]:80"),
        *("a.b:80", "1.2.3:80", "http://127.0.0.1:80"),
    ],
)
def test_what_is_no_address_is_refused_with_flag_value_and_allowed_forms(text, capsys):
    error = refusal([f"--metrics-bind-address={text}"], {}, capsys)
    assert "--metrics-bind-address" in error
    assert repr(text) in error
    assert "[::1]:8080" in error


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--metrics-secure=perhaps", "--metrics-cert-path=/c"], ["--metrics-secure", "'perhaps'"]),
        (["--metrics-secure"], ["--metrics-secure", "--metrics-cert-path"]),
        (["--metrics-cert-path=/c"], ["--metrics-secure", "--metrics-cert-path"]),
        (["--excluded-labels=a b"], ["--excluded-labels", "'a b'", "letters"]),
        (["--excluded-labels="], ["--excluded-labels", "''"]),
        (["--log-level=trace"], ["--log-level", "'trace'", "debug"]),
        (["--trace-size=4KiB"], ["--trace-size", "'4KiB'", "1048576"]),
        (["--trace-size=1048577"], ["--trace-size", "'1048577'", "1048576"]),
        (["--log-format=xml"], ["--log-format", "'xml'", "json"]),
        (["--leader-elect=maybe"], ["--leader-elect", "'maybe'"]),
        (["--log", "json"], ["--log"]),
        (["surplus"], ["surplus"]),
    ],
)
def test_a_wrong_flag_is_refused_by_name(flags, said, capsys):
    error = refusal(flags, {}, capsys)
    assert all(word in error for word in said), error


def test_a_wrong_image_is_refused_with_the_name_of_its_variable(capsys):
    error = refusal([], {"ARTIFACT_OPERATOR_IMAGE": "Not An Image"}, capsys)
    assert "ARTIFACT_OPERATOR_IMAGE" in error
    assert "'Not An Image'" in error


@pytest.mark.parametrize("flag", ["--metrics-secure=true", "--metrics-secure"])
def test_a_boolean_flag_needs_no_value(flag):
    assert parse([flag, "--metrics-cert-path=/c"], {}).process.exposed.metrics_certificates == Path(
        "/c"
    )
    assert parse(["--metrics-secure=false"], {}).process.exposed.metrics_certificates is None


# The manager's arguments in the Go operator's manifests, with all flags of its own.
GO_FLAGS = (
    "--leader-elect",
    "--health-probe-bind-address=:8081",
    "--zap-devel",
    "--zap-devel=false",
    "--zap-encoder=json",
    "--zap-log-level",
    "debug",
    "--zap-stacktrace-level=error",
    "--zap-time-encoding=rfc3339",
    "--webhook-cert-path=/certificates",
    "--webhook-cert-name=tls.crt",
    "--webhook-cert-key=tls.key",
    "--enable-http2",
    "--metrics-cert-name=tls.crt",
    "--metrics-cert-key=tls.key",
)


def test_flags_of_the_go_operator_are_taken_and_ignored_each_with_a_warning(caplog):
    settings = parse(GO_FLAGS, {})
    unknown = dict.fromkeys(flag.partition("=")[0] for flag in GO_FLAGS[2:] if flag[0] == "-")
    assert set(settings.process.ignored_flags) == set(unknown) == IGNORED.keys()
    assert settings == replace(
        parse(GO_FLAGS[:2], {}),
        process=replace(parse([], {}).process, ignored_flags=tuple(unknown)),
    )
    warn(settings.process.ignored_flags)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * len(unknown)
    assert all(flag in message for flag, message in zip(unknown, caplog.messages, strict=True))


def test_a_flag_of_the_go_operator_without_its_value_is_refused(capsys):
    assert "--zap-log-level" in refusal(["--zap-log-level"], {}, capsys)


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as end:
        parse(["--version"], {})
    assert end.value.code == 0
    assert capsys.readouterr().out == f"falco-operator {VERSION}\n"
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def test_help_names_every_flag_and_variable(capsys):
    with pytest.raises(SystemExit) as end:
        parse(["--help"], {})
    assert end.value.code == 0
    text = capsys.readouterr().out
    names = {flag.partition("=")[0] for flag in EVERY_FLAG if flag.startswith("--")}
    assert all(name in text for name in names | {"ARTIFACT_OPERATOR_IMAGE", "KUBECONFIG"})


def refusal(flags, environ, capsys):
    with pytest.raises(SystemExit) as end:
        parse(flags, environ)
    assert end.value.code == 2
    return capsys.readouterr().err
