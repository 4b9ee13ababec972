"""What Falco has loaded of what is installed, by what it says of itself."""

import json

import pytest

from resources.artifact.medium import Medium
from resources.artifact.nodereport import ArtifactReport
from resources.check.check_request import WebServer
from resources.node.falco_answer import FalcoAnswer, UnreadableAnswer, falco_answer
from resources.node.loaded import (
    FalcoView,
    FileTimes,
    LoadTrouble,
    cannot_be_asked,
    is_behind,
    is_waiting,
    with_loaded,
)
from resources.node.slots import Content, SlotId, SlotVersion
from resources.rules.versions import FalcoVersions

A, B = "a" * 64, "b" * 64
SECOND = 1_000_000_000
CHANGED = 1000 * SECOND
RELOADED = CHANGED + SECOND
FILE = "50-03-x-inline.yaml"
ASKED = CHANGED + 2 * SECOND
LATE = CHANGED + 30 * SECOND
TIME = "by the time of Falco's last reload, since Falco does not say which {} it has read"
HINT = "Falco's log says why, if it has refused to reload"


def installed(kind, sha256=A):
    content = Content(sha256, "origin") if sha256 else None
    version = SlotVersion(FILE, "2026-01-01T00:00:00Z", content)
    return {SlotId(kind, "x", "uid", Medium.INLINE): version}


def report(kind, state="Programmed"):
    return ArtifactReport(kind=kind, name="x", uid="uid", revision="1", state=state)


def loaded(kind, view, versions=None, state="Programmed", is_known=True):
    """State, reason and message of loading."""
    versions = installed(kind) if versions is None else versions
    times = FileTimes(0, dict.fromkeys(versions, CHANGED)) if is_known else FileTimes(CHANGED)
    (told,) = with_loaded([report(kind, state)], versions, view, times)
    assert (told.state, told.revision) == (state, "1")
    return told.loaded, told.loaded_reason, told.loaded_message


def answer(rules=None, reloaded_at=RELOADED, is_late=False):
    rules = {FILE: A} if rules is None else rules
    return FalcoView(FalcoAnswer(rules, reloaded_at), 1, None, is_late)


WAITS = (None, None, None)


NOT_RELOADED = f"Falco has not reloaded since {FILE} was installed; {HINT}"
TOO_OLD = ("Unknown", "FalcoTooOld", "this Falco does not say when it has reloaded")


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (FalcoView(), WAITS),
        (answer(), ("True", None, None)),
        (answer(reloaded_at=0), ("True", None, None)),
        (answer({}, reloaded_at=0), TOO_OLD),
        # Its digest is of the file as it is once all is compiled, which may not be what it read.
        (answer(reloaded_at=CHANGED - 1), WAITS),
        (answer({FILE: B}), WAITS),
        (answer({}), WAITS),
        (
            answer({}, is_late=True),
            ("False", "NotLoaded", f"Falco has not loaded {FILE}; {HINT}"),
        ),
        (
            answer({FILE: B}, is_late=True),
            ("False", "NotLoaded", f"Falco runs an older {FILE}; {HINT}"),
        ),
        (answer(reloaded_at=CHANGED - 1, is_late=True), ("False", "NotLoaded", NOT_RELOADED)),
        (
            FalcoView(trouble=LoadTrouble("FalcoUnreachable", "it is away")),
            ("Unknown", "FalcoUnreachable", "it is away"),
        ),
    ],
)
def test_rules_are_proved_by_their_digest_and_the_time_of_the_reload(view, expected):
    assert loaded("Rulesfile", view) == expected


@pytest.mark.parametrize(("kind", "what"), [("Config", "configurations"), ("Plugin", "libraries")])
@pytest.mark.parametrize(
    ("reloaded_at", "is_late", "expected"),
    [
        (RELOADED, False, "True"),
        (CHANGED - 1, False, WAITS),
        # This reload was under way when the change came: Falco waits 100 ms before it reads.
        (CHANGED + SECOND // 20, False, WAITS),
        (CHANGED - 1, True, ("False", "NotLoaded", NOT_RELOADED)),
        (0, False, TOO_OLD),
    ],
)
def test_others_are_proved_by_the_time_of_the_reload(kind, what, reloaded_at, is_late, expected):
    proof = ("True", None, TIME.format(what))
    wanted = proof if expected == "True" else expected
    assert loaded(kind, answer({}, reloaded_at, is_late)) == wanted


def test_nobody_is_blamed_by_a_time_that_may_be_of_another_change():
    late = answer({}, CHANGED - 1, is_late=True)
    assert loaded("Config", late, is_known=False) == WAITS
    assert loaded("Config", answer({}), is_known=False)[0] == "True"


def test_falco_is_behind_until_it_has_read_the_last_change_be_it_a_removal():
    assert is_behind(answer(reloaded_at=CHANGED - 1), FileTimes(0, {}, CHANGED))
    assert not is_behind(answer(), FileTimes(0, {}, CHANGED))
    assert not is_behind(answer(reloaded_at=0), FileTimes(0, {}, CHANGED))
    assert not is_behind(FalcoView(), FileTimes(CHANGED))


def test_no_change_lies_in_the_future_if_the_clock_was_set_back():
    (slot,) = installed("Config")
    times = FileTimes(CHANGED, {slot: CHANGED}, CHANGED)
    assert times.bounded(1) == FileTimes(1, {slot: 1}, 1)
    assert times.bounded(CHANGED + 1) == times


@pytest.mark.parametrize("state", ["Failed", "Pending", "NotSelected"])
def test_nothing_is_said_of_what_is_not_installed(state):
    assert loaded("Rulesfile", answer(), {}, state) == WAITS


def test_an_artifact_without_files_has_nothing_that_falco_could_lack():
    assert loaded("Rulesfile", answer({}), {}) == ("True", None, None)


def test_it_is_waited_for_what_is_installed_only():
    assert is_waiting([report("Config")])
    assert not is_waiting([report("Config", "Failed")])
    assert not is_waiting(
        with_loaded([report("Rulesfile")], installed("Rulesfile"), answer(), FileTimes())
    )


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
    versions = (
        b'{"falco_version": "0.44.1", "engine_version_semver": "0.62.0", "engine_version": "62",'
        b' "plugin_api_version": "3.12.0", "plugin_versions": {"json": "0.7.0"}, "x": 1}'
    )
    assert falco_answer(METRICS, versions) == FalcoAnswer(
        {FILE: A, "b.yaml": B}, 1748338536592811359, FalcoVersions("0.44.1", "0.62.0", "3.12.0")
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


@pytest.mark.parametrize("versions", [b"", b"[]", b'{"engine_version_semver": []}', b"\xff"])
def test_versions_that_are_not_falcos_are_refused(versions):
    with pytest.raises(UnreadableAnswer, match="/versions cannot be read"):
        falco_answer(METRICS, versions)


@pytest.mark.parametrize(
    "text", ["62", "0.62", "x", "0.62.0\n", "0.62.0 <b>", f"0.62.0-{65 * 'x'}"]
)
def test_a_version_that_is_none_is_not_known(text):
    told = json.dumps({"falco_version": "0.45.0-rc1+3", "engine_version_semver": text}).encode()
    assert falco_answer("", told).versions == FalcoVersions("0.45.0-rc1+3")
