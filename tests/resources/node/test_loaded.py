"""What Falco has loaded of what is installed, by what it says of itself."""

import pytest

from resources.artifact.medium import Medium
from resources.artifact.nodereport import ArtifactReport
from resources.node.check_request import WebServer
from resources.node.falco_answer import FalcoAnswer, UnreadableAnswer, falco_answer
from resources.node.loaded import (
    FalcoView,
    LoadTrouble,
    cannot_be_asked,
    is_waiting,
    with_loaded,
)
from resources.node.plugin_entries import PluginEntry
from resources.node.slots import Content, SlotId, SlotVersion

A, B = "a" * 64, "b" * 64
SECOND = 1_000_000_000
CHANGED = 1000 * SECOND
RELOADED = CHANGED + SECOND
FILE = "50-03-x-inline.yaml"
ASKED = CHANGED + 2 * SECOND
LATE = CHANGED + 30 * SECOND
TIME = "by the time of Falco's last reload, since Falco does not say which {} it has read"
HINT = "Falco's log says why, if it has refused to reload"


def installed(kind, sha256=A, entry=None):
    content = Content(sha256, "origin") if sha256 else None
    version = SlotVersion(FILE, "2026-01-01T00:00:00Z", content, entry)
    return {SlotId(kind, "x", "uid", Medium.INLINE): version}


def report(kind, state="Programmed"):
    return ArtifactReport(kind=kind, name="x", uid="uid", revision="1", state=state)


def loaded(kind, view, versions=None, state="Programmed"):
    """State, reason and message of loading."""
    versions = installed(kind) if versions is None else versions
    (told,) = with_loaded([report(kind, state)], versions, view, CHANGED)
    assert (told.state, told.revision) == (state, "1")
    return told.loaded, told.loaded_reason, told.loaded_message


def answer(rules=None, reloaded_at=RELOADED, plugins=None, asked_at=ASKED):
    rules = {FILE: A} if rules is None else rules
    return FalcoView(FalcoAnswer(rules, reloaded_at, plugins), asked_at)


WAITS = (None, None, None)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (FalcoView(), WAITS),
        (answer(), ("True", None, None)),
        (answer(reloaded_at=0), ("True", None, None)),
        (answer({FILE: B}), WAITS),
        (answer({}), WAITS),
        (answer({}, asked_at=LATE), ("False", "NotLoaded", f"Falco has not loaded {FILE}; {HINT}")),
        (
            answer({FILE: B}, asked_at=LATE),
            ("False", "NotLoaded", f"Falco runs an older {FILE}; {HINT}"),
        ),
        (
            FalcoView(trouble=LoadTrouble("FalcoUnreachable", "it is away")),
            ("Unknown", "FalcoUnreachable", "it is away"),
        ),
    ],
)
def test_rules_are_proved_by_their_digest(view, expected):
    assert loaded("Rulesfile", view) == expected


@pytest.mark.parametrize(
    ("reloaded_at", "asked_at", "expected"),
    [
        (RELOADED, ASKED, ("True", None, TIME.format("configurations"))),
        (CHANGED - 1, ASKED, WAITS),
        # This reload was under way when the change came: Falco waits 100 ms before it reads.
        (CHANGED + SECOND // 20, ASKED, WAITS),
        (
            CHANGED - 1,
            LATE,
            ("False", "NotLoaded", f"Falco has not reloaded since {FILE} was installed; {HINT}"),
        ),
        (0, ASKED, ("Unknown", "FalcoTooOld", "this Falco does not say when it has reloaded")),
    ],
)
def test_a_configuration_is_proved_by_the_time_of_the_reload(reloaded_at, asked_at, expected):
    assert loaded("Config", answer({}, reloaded_at, asked_at=asked_at)) == expected


def test_a_plugin_is_proved_by_the_reload_and_its_name():
    versions = installed("Plugin", entry=PluginEntry("json", "/x.so"))
    proof = ("True", None, TIME.format("libraries"))
    assert loaded("Plugin", answer({}, plugins={"json": "0.7.0"}), versions) == proof
    assert loaded("Plugin", answer({}, plugins=None), versions) == proof
    assert loaded("Plugin", answer({}, plugins={}), versions) == WAITS
    lacking = f"Falco has not loaded the plugin json; {HINT}"
    late = answer({}, plugins={}, asked_at=LATE)
    assert loaded("Plugin", late, versions) == ("False", "NotLoaded", lacking)


@pytest.mark.parametrize("state", ["Failed", "Pending", "NotSelected"])
def test_nothing_is_said_of_what_is_not_installed(state):
    assert loaded("Rulesfile", answer(), {}, state) == WAITS


def test_an_artifact_without_files_has_nothing_that_falco_could_lack():
    assert loaded("Rulesfile", answer({}), {}) == ("True", None, None)


def test_it_is_waited_for_what_is_installed_only():
    assert is_waiting([report("Config")])
    assert not is_waiting([report("Config", "Failed")])
    assert not is_waiting(with_loaded([report("Rulesfile")], installed("Rulesfile"), answer(), 0))


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (WebServer(), None),
        (WebServer(tls=True, port=1), None),
        (WebServer(enabled=False), "WebServerOff"),
        (WebServer(is_local=False), "WebServerOff"),
        (WebServer(metrics=False), "MetricsOff"),
    ],
)
def test_why_falco_cannot_be_asked(server, reason):
    trouble = cannot_be_asked(server)
    assert (trouble.reason if trouble else None) == reason


# What Falco answers.

METRICS = f"""\
# HELP falcosecurity_falco_version_info https://falco.org/docs/metrics/
# TYPE falcosecurity_falco_version_info gauge
falcosecurity_falco_version_info{{version="0.44.1"}} 1
falcosecurity_falco_sha256_rules_files_info{{file_name="{FILE}",sha256="{A}"}} 1
falcosecurity_falco_sha256_rules_files_info{{file_name="b.yaml",sha256="{B}"}} 1
falcosecurity_falco_sha256_config_files_info{{file_name="falco.yaml",sha256="{B}"}} 1
# TYPE falcosecurity_falco_reload_timestamp_nanoseconds gauge
falcosecurity_falco_reload_timestamp_nanoseconds 1748338536592811359
"""


def test_the_answers_of_falco_are_read():
    versions = b'{"engine_version_semver": "0.62.0", "plugin_versions": {"json": "0.7.0"}, "x": 1}'
    assert falco_answer(METRICS, versions) == FalcoAnswer(
        {FILE: A, "b.yaml": B}, 1748338536592811359, {"json": "0.7.0"}, "0.62.0"
    )
    assert falco_answer("", b"{}") == FalcoAnswer({}, 0)


@pytest.mark.parametrize(
    "line",
    [
        'falcosecurity_falco_sha256_rules_files_info{file_name="a\\"b",sha256="x"} 1',
        f'falcosecurity_falco_sha256_rules_files_info{{file_name="{"x" * 999}",sha256="{A}"}} 1',
        "falcosecurity_falco_reload_timestamp_nanoseconds NaN",
        "falcosecurity_falco_reload_timestamp_nanoseconds 1e400",
        f"falcosecurity_falco_reload_timestamp_nanoseconds {'9' * 99}",
        "falcosecurity_falco_reload_timestamp_nanoseconds{" + 9999 * "x",
        "\x00",
    ],
)
def test_a_line_that_is_not_falcos_is_passed_over(line):
    assert falco_answer(f"{line}\n{METRICS}", b"{}") == falco_answer(METRICS, b"{}")


@pytest.mark.parametrize("versions", [b"", b"[]", b'{"plugin_versions": []}', b"\xff", b"[" * 9999])
def test_versions_that_are_not_falcos_are_refused(versions):
    with pytest.raises(UnreadableAnswer, match="/versions cannot be read"):
        falco_answer(METRICS, versions)
