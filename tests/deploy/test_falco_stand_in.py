"""The stand-in for Falco on a real node refuses what Falco refuses."""

import importlib.util
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parents[2] / "deploy/local/node/falco/falco.py"
BASE = """\
config_files: [{root}/config.d]
rules_files: [{root}/rules.d]
plugins: []
stdout_output: {{enabled: true}}
webserver: {{enabled: true, listen_port: 8765}}
"""
RULE = "- {rule: r, desc: d, condition: evt.type = open, output: o, priority: NOTICE}\n"
ENTRY = "plugins: [{name: p, library_path: libp.so}]\n"


@pytest.fixture
def falco(tmp_path, monkeypatch):
    """The program, with its directories in a folder of the test."""
    spec = importlib.util.spec_from_file_location("falco_stand_in", STAND_IN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for folder in ("config.d", "rules.d", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "falco.yaml").write_text(BASE.format(root=tmp_path))
    monkeypatch.setattr(module, "CONFIG", tmp_path / "falco.yaml")
    monkeypatch.setattr(module, "PLUGINS", tmp_path / "plugins")
    return module


def test_it_loads_what_falco_loads_and_says_so(falco, tmp_path):
    (tmp_path / "rules.d/50-a.yaml").write_text(RULE)
    (tmp_path / "rules.d/ignored.txt").write_text("- [")
    (tmp_path / "config.d/99-plugins.yaml").write_text(ENTRY)
    (tmp_path / "plugins/libp.so").write_bytes(b"\x7fELF")
    loaded = falco.Loaded()
    assert 'sha256_rules_files_info{file_name="50-a.yaml",sha256=' in loaded.metrics()
    assert "ignored" not in loaded.metrics()
    assert '"plugin_versions": {"p": "0.4.0"}' in loaded.versions()


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("config.d/a", "a: [", "while parsing"),
        ("config.d/a", "- a", "a sequence is no configuration"),
        ("config.d/a", "config_files: [b]", "may not be nested"),
        ("config.d/a", "plugins: [{library_path: p.so}]", "has no name"),
        ("config.d/a", ENTRY, "could not be read"),
        ("config.d/a", "load_plugins: [p]", "plugin config not found"),
        ("config.d/a", "stdout_output: {enabled: false}", "No output is enabled"),
        ("rules.d/a.yaml", "rule: r", "not yaml array"),
        ("rules.d/a.yaml", "- rule: r", "no mapping for key"),
        (
            "rules.d/a.yaml",
            "- required_plugin_versions: [{name: p, version: 0.4.0}]",
            "requirement not satisfied: p",
        ),
    ],
)
def test_it_refuses_what_falco_does_not_start_with(falco, tmp_path, path, content, why):
    (tmp_path / path).write_text(content)
    with pytest.raises(falco.RefusedError, match=why):
        falco.Loaded()


def test_without_the_proc_of_its_host_root_it_ends(falco, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(falco.signal, "signal", lambda *_: None)
    monkeypatch.setenv("HOST_ROOT", str(tmp_path / "host"))
    with pytest.raises(SystemExit):
        falco.main()
    assert f"the directory '{tmp_path}/host/proc/' doesn't exist" in capsys.readouterr().err
