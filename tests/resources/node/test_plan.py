import pytest
from msgspec.structs import replace

from resources.artifact.medium import Medium
from resources.check.check_request import Verdict
from resources.node.artifact import NodeArtifact, Trouble
from resources.node.plan import has_quick_fetch, is_present, kept, libraries, plan, removed, settled
from resources.node.plugin_entries import PluginEntry
from resources.node.refusal import Circumstances, Way, refusals
from resources.node.report import open_artifacts, reports
from resources.node.slots import Content, SlotId, SlotVersion

OLD = SlotVersion("50-03-a-inline.yaml", "t1", Content("1" * 64, "inline:1"))
NEW = SlotVersion("50-03-a-inline.yaml", "t1", Content("2" * 64, "inline:2"))
FETCHING = None
SLOT = SlotId("Rulesfile", "a", "u", Medium.INLINE)
SLOT_TEXT = "Rulesfile/a/u/inline"


def rulesfile(state=..., *, selected=True, sources=None, revision="1", trouble=None):
    """A Rulesfile whose inline source is in this state, or with these sources."""
    sources = sources if state is ... else {Medium.INLINE: state}
    return NodeArtifact("Rulesfile", "a", "u", revision, selected, sources, trouble)


def plugin(name, created, entry=None, library="so"):
    content = Content("3" * 64, "oci:sha256:3") if library else None
    path = f"/usr/share/falco/plugins/{name}.so"
    version = SlotVersion(f"{name}.so", created, content, PluginEntry(entry or name, path))
    return NodeArtifact("Plugin", name, f"uid-{name}", "1", True, {Medium.OCI: version})


def report_of(artifact, installed, verdict=None, refused=None):
    planned = plan([artifact], installed)
    [report] = reports([artifact], planned, verdict or Verdict(), refused or {})
    return report.state, report.reason, report.message


def test_what_has_come_replaces_what_is_installed():
    planned = plan([rulesfile(NEW)], {SLOT: OLD})
    assert settled(planned, Verdict(chosen={SLOT_TEXT: "wanted"})) == {SLOT: NEW}
    assert not planned.is_settled


def test_what_the_check_refuses_leaves_what_was_installed():
    planned = plan([rulesfile(NEW)], {SLOT: OLD})
    assert settled(planned, Verdict(chosen={SLOT_TEXT: "good"})) == {SLOT: OLD}
    assert removed(planned, {SLOT: OLD}) == ()


@pytest.mark.parametrize(
    "artifact",
    [
        rulesfile(FETCHING),
        rulesfile(Trouble("OCIArtifactStoreFailed", "no registry", True)),
        rulesfile(sources=None),
        rulesfile(sources=None, trouble=Trouble("InvalidContent", "no")),
    ],
    ids=["being fetched", "not to be had", "not resolved", "not understood"],
)
def test_what_is_installed_stays_while_there_is_nothing_else(artifact):
    planned = plan([artifact], {SLOT: OLD})
    assert planned.is_settled
    assert settled(planned, Verdict()) == {SLOT: OLD}


@pytest.mark.parametrize(
    "artifacts",
    [
        [],
        [rulesfile(selected=False)],
        [rulesfile(sources={})],
        [rulesfile(NEW)._replace(uid="v")],
    ],
    ids=["deleted", "not selected", "without that source", "made anew"],
)
def test_what_nobody_wants_any_more_is_removed(artifacts):
    planned = plan(artifacts, {SLOT: OLD})
    final = settled(planned, Verdict())
    assert SLOT not in final
    assert [slot.id for slot in removed(planned, final)] == [SLOT]


def test_of_two_plugins_of_one_name_the_older_has_it_and_the_other_says_so():
    artifacts = [plugin("new", "t2", "json"), plugin("old", "t1", "json")]
    planned = plan(artifacts, {})
    assert [str(slot) for slot in settled(planned, Verdict())] == ["Plugin/old/uid-old/oci"]
    loser, holder = reports(artifacts, planned, Verdict(), {})
    assert (loser.name, loser.state, loser.reason) == ("new", "Failed", "NameConflict")
    assert "old" in (loser.message or "")
    assert (holder.name, holder.state) == ("old", "Programmed")


@pytest.mark.parametrize(
    ("path", "present"),
    [
        ("/usr/share/falco/plugins/mine.so", True),
        ("mine.so", True),
        ("/usr/share/falco/plugins/other.so", False),
        ("/opt/other.so", True),
        ("./mine.so", True),
        ("../../leads/out.so", True),  # of which the check tells
    ],
)
def test_a_library_is_there_if_it_is_installed_or_cannot_be_seen(path, present):
    planned = plan([plugin("mine", "t1")], {})
    known = libraries(planned, ())
    version = SlotVersion("x.so", "t1", None, PluginEntry("x", path))
    assert is_present(version, known) is present
    assert is_present(version, {*known, "other.so"})


def test_a_node_says_that_it_is_not_selected():
    assert report_of(rulesfile(selected=False), {}) == ("NotSelected", None, None)


def test_a_node_says_what_is_in_the_way_before_what_is_still_to_come():
    gone = Trouble("OCIArtifactStoreFailed", "no registry", transient=True)
    artifact = rulesfile(sources={Medium.OCI: gone, Medium.INLINE: FETCHING})
    assert report_of(artifact, {}) == ("Failed", "OCIArtifactStoreFailed", "no registry")


def test_all_troubles_are_told_under_the_reason_of_the_first():
    trouble = Trouble("ReferenceResolutionFailed", "ConfigMap rules does not exist")
    artifact = rulesfile(sources={Medium.CONFIG_MAP: trouble, Medium.INLINE: NEW})
    verdict = Verdict(problems={SLOT_TEXT: ("line 1: no list",)})
    message = "ConfigMap rules does not exist; line 1: no list"
    assert report_of(artifact, {}, verdict) == ("Failed", "ReferenceResolutionFailed", message)


def test_what_cannot_be_written_is_a_failure_of_its_source():
    assert report_of(
        rulesfile(NEW), {}, refused={SLOT: Trouble("InlineRulesStoreFailed", "disk full")}
    ) == (
        "Failed",
        "InlineRulesStoreFailed",
        "disk full",
    )


def test_rules_that_do_not_fit_in_are_pending_while_their_plugin_may_be_on_its_way():
    rules = rulesfile(NEW)
    coming = plugin("json", "t1")._replace(sources={Medium.OCI: FETCHING}, is_coming=True)
    unresolved = plugin("json", "t1")._replace(sources=None)
    gone = plugin("json", "t1")._replace(
        sources={Medium.OCI: Trouble("OCIArtifactStoreFailed", "no such tag")}
    )
    verdict = Verdict(problems={SLOT_TEXT: ("needs plugin json",)})
    for other, state in ((coming, "Pending"), (unresolved, "Failed"), (gone, "Failed")):
        artifacts = [rules, other]
        reported = reports(artifacts, plan(artifacts, {}), verdict, {})
        assert (reported[1].state, reported[1].message) == (state, "needs plugin json")


def test_what_could_not_be_checked_yet_is_pending():
    refused = {SLOT: Trouble("Pending", "could not be checked yet")}
    artifact = rulesfile(NEW)
    assert report_of(artifact, {SLOT: OLD}, kept(plan([artifact], {SLOT: OLD})), refused) == (
        "Pending",
        "Pending",
        "could not be checked yet",
    )


def test_warnings_do_not_keep_an_artifact_from_being_programmed():
    verdict = Verdict(warnings={SLOT_TEXT: ("unknown key x", "unknown key y")})
    assert report_of(rulesfile(NEW), {}, verdict) == (
        "Programmed",
        None,
        "unknown key x; unknown key y",
    )


def test_an_unresolved_artifact_waits_for_the_operator_and_a_resolved_one_for_its_content():
    unresolved = report_of(rulesfile(revision=""), {})
    fetching = report_of(rulesfile(FETCHING), {})
    assert unresolved[:2] == fetching[:2] == ("Pending", "Pending")
    assert "resolved" in unresolved[2]
    assert "inline" in fetching[2]


def test_the_gate_waits_for_what_is_to_come_and_for_what_may_pass_but_not_for_failures():
    passing = Trouble("OCIArtifactStoreFailed", "no registry", transient=True)
    final = Trouble("OCIArtifactStoreFailed", "wrong media type")
    waiting = {
        "fetched": rulesfile(FETCHING),
        "passing": rulesfile(passing),
        "not looked at": rulesfile(NEW, revision="2"),
    }
    for name, artifact in waiting.items():
        before = [rulesfile(NEW)] if name == "not looked at" else [artifact]
        reported = reports(before, plan(before, {}), Verdict(), {})
        assert open_artifacts([artifact], reported) == ["Rulesfile a"], name
    for artifact in (rulesfile(final), rulesfile(NEW), rulesfile(selected=False)):
        reported = reports([artifact], plan([artifact], {}), Verdict(), {})
        assert open_artifacts([artifact], reported) == []


def test_an_artifact_that_nobody_has_looked_at_yet_is_waited_for():
    nobody_looked = rulesfile(sources=None, revision="")
    reported = reports([nobody_looked], plan([nobody_looked], {}), Verdict(), {})
    assert open_artifacts([], reported) == ["Rulesfile a"]


def test_a_fetch_is_quick_unless_a_registry_is_asked():
    trouble = Trouble("ConfigMapRulesStoreFailed", "no disk", transient=True)
    fetches = {
        "nothing": rulesfile(sources=None),
        "come": rulesfile(NEW),
        "failed": rulesfile(trouble),
        "pulled": rulesfile(sources={Medium.OCI: FETCHING}),
        "rendered": rulesfile(FETCHING),
        "read": rulesfile(sources={Medium.OCI: NEW, Medium.CONFIG_MAP: FETCHING}),
    }
    assert [name for name in fetches if has_quick_fetch([fetches[name]])] == ["rendered", "read"]


def refused(version, installed=OLD):
    return refusals(
        {SLOT: version} if version else {},
        {SLOT: installed} if installed else {},
        Circumstances({SLOT: version} if version else {}),
        Way.KEPT,
    )


def test_what_falco_has_refused_gives_way_to_what_it_has_loaded():
    planned = plan([rulesfile(NEW)], {SLOT: NEW}, {SLOT: OLD}, refused(NEW))
    assert settled(planned, Verdict()) == {SLOT: OLD}
    [report] = reports([rulesfile(NEW)], planned, Verdict(), {})
    why = (
        "Falco refuses to load it, and runs on with what it had loaded before: "
        "what it had loaded last is installed again; Falco's log says why"
    )
    assert (report.state, report.reason, report.message) == ("Failed", "InvalidContent", why)
    assert (report.loaded, report.loaded_reason) == ("False", "InvalidContent")


def test_what_is_new_and_refused_goes_and_that_is_no_removal():
    planned = plan([rulesfile(NEW)], {SLOT: NEW}, {}, refused(NEW, None))
    assert settled(planned, Verdict()) == {}
    assert removed(planned, {}) == ()


def test_a_removal_that_falco_has_refused_is_undone():
    planned = plan([], {}, {SLOT: OLD}, refused(None))
    assert settled(planned, Verdict()) == {SLOT: OLD}


def test_another_version_than_was_refused_is_wanted():
    planned = plan([rulesfile(NEW)], {SLOT: OLD}, {SLOT: OLD}, refused(OLD, None))
    assert settled(planned, Verdict()) == {SLOT: NEW}
    assert planned.held == {}


def test_the_check_may_fall_back_to_what_falco_has_loaded_last():
    newest = replace(NEW, created="t2")
    planned = plan([rulesfile(newest)], {SLOT: NEW}, {SLOT: OLD})
    [slot] = planned.slots
    assert (slot.wanted, slot.loaded, slot.good) == (newest, OLD, NEW)
    assert settled(planned, Verdict(chosen={SLOT_TEXT: "loaded"})) == {SLOT: OLD}
    [slot] = plan([rulesfile(NEW)], {SLOT: OLD}, {SLOT: OLD}).slots
    assert slot.loaded is None
