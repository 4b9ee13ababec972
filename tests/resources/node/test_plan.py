import pytest

from resources.node.items import Content, Installed, Item, Part, Trouble
from resources.node.plan import is_more_at_hand, is_present, kept, libraries, plan, removed, settled
from resources.node.plugin_entries import PluginEntry
from resources.node.report import open_items, reports
from resources.node.slots import Verdict

OLD = Installed("50-03-a-inline.yaml", "t1", Content("1" * 64, "inline:1"))
NEW = Installed("50-03-a-inline.yaml", "t1", Content("2" * 64, "inline:2"))
SLOT = "Rulesfile/a/u/inline"


def rulesfile(part=None, *, selected=True, parts=None, revision="1", trouble=None):
    found = {"inline": part} if part is not None else parts
    return Item("Rulesfile", "a", "u", revision, selected, found, trouble)


def plugin(name, created, entry=None, library="so"):
    content = Content("3" * 64, "oci:sha256:3") if library else None
    path = f"/usr/share/falco/plugins/{name}.so"
    version = Installed(f"{name}.so", created, content, PluginEntry(entry or name, path))
    return Item("Plugin", name, f"uid-{name}", "1", True, {"oci": Part(version)})


def said(item, installed, verdict=None, refused=None):
    planned = plan([item], installed)
    [report] = reports([item], planned, verdict or Verdict(), refused or {})
    return report.state, report.reason, report.message


def test_what_has_come_replaces_what_is_installed():
    planned = plan([rulesfile(Part(NEW))], {SLOT: OLD})
    assert settled(planned, Verdict(chosen={SLOT: "wanted"})) == {SLOT: NEW}
    assert not planned.is_settled


def test_what_the_check_refuses_leaves_what_was_installed():
    planned = plan([rulesfile(Part(NEW))], {SLOT: OLD})
    assert settled(planned, Verdict(chosen={SLOT: "good"})) == {SLOT: OLD}
    assert removed(planned, {SLOT: OLD}) == ()


@pytest.mark.parametrize(
    "item",
    [
        rulesfile(Part()),
        rulesfile(Part(None, Trouble("OCIArtifactStoreFailed", "no registry", True))),
        rulesfile(parts=None),
        rulesfile(parts=None, trouble=Trouble("InvalidContent", "no")),
    ],
    ids=["being fetched", "not to be had", "not resolved", "not understood"],
)
def test_what_is_installed_stays_while_there_is_nothing_else(item):
    planned = plan([item], {SLOT: OLD})
    assert planned.is_settled
    assert settled(planned, Verdict()) == {SLOT: OLD}


@pytest.mark.parametrize(
    "items",
    [
        [],
        [rulesfile(selected=False)],
        [rulesfile(parts={})],
        [rulesfile(Part(NEW))._replace(uid="v")],
    ],
    ids=["deleted", "not selected", "without that source", "made anew"],
)
def test_what_nobody_wants_any_more_is_removed(items):
    planned = plan(items, {SLOT: OLD})
    final = settled(planned, Verdict())
    assert SLOT not in final
    assert [slot.id for slot in removed(planned, final)] == [SLOT]


def test_of_two_plugins_of_one_name_the_older_has_it_and_the_other_says_so():
    items = [plugin("new", "t2", "json"), plugin("old", "t1", "json")]
    planned = plan(items, {})
    assert [*settled(planned, Verdict())] == ["Plugin/old/uid-old/oci"]
    loser, holder = reports(items, planned, Verdict(), {})
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
    version = Installed("x.so", "t1", None, PluginEntry("x", path))
    assert is_present(version, known) is present
    assert is_present(version, {*known, "other.so"})


def test_a_node_says_that_it_is_not_selected():
    assert said(rulesfile(selected=False), {}) == ("NotSelected", None, None)


def test_a_node_says_what_is_in_the_way_before_what_is_still_to_come():
    gone = Trouble("OCIArtifactStoreFailed", "no registry", transient=True)
    item = rulesfile(parts={"oci": Part(None, gone), "inline": Part()})
    assert said(item, {}) == ("Failed", "OCIArtifactStoreFailed", "no registry")


def test_all_troubles_are_told_under_the_reason_of_the_first():
    trouble = Trouble("ReferenceResolutionFailed", "ConfigMap rules does not exist")
    item = rulesfile(parts={"configmap": Part(None, trouble), "inline": Part(NEW)})
    verdict = Verdict(problems={SLOT: ("line 1: no list",)})
    message = "ConfigMap rules does not exist; line 1: no list"
    assert said(item, {}, verdict) == ("Failed", "ReferenceResolutionFailed", message)


def test_what_cannot_be_written_is_a_failure_of_its_source():
    assert said(
        rulesfile(Part(NEW)), {}, refused={SLOT: Trouble("InlineRulesStoreFailed", "disk full")}
    ) == (
        "Failed",
        "InlineRulesStoreFailed",
        "disk full",
    )


def test_rules_that_do_not_fit_in_are_pending_while_their_plugin_may_be_on_its_way():
    rules = rulesfile(Part(NEW))
    coming = plugin("json", "t1")._replace(parts={"oci": Part()}, is_coming=True)
    unresolved = plugin("json", "t1")._replace(parts=None)
    gone = plugin("json", "t1")._replace(
        parts={"oci": Part(None, Trouble("OCIArtifactStoreFailed", "no such tag"))}
    )
    verdict = Verdict(problems={SLOT: ("needs plugin json",)})
    for other, state in ((coming, "Pending"), (unresolved, "Failed"), (gone, "Failed")):
        items = [rules, other]
        said = reports(items, plan(items, {}), verdict, {})
        assert (said[1].state, said[1].message) == (state, "needs plugin json")


def test_what_could_not_be_checked_yet_is_pending():
    refused = {SLOT: Trouble("Pending", "could not be checked yet")}
    item = rulesfile(Part(NEW))
    assert said(item, {SLOT: OLD}, kept(plan([item], {SLOT: OLD})), refused) == (
        "Pending",
        "Pending",
        "could not be checked yet",
    )


def test_warnings_do_not_keep_an_artifact_from_being_programmed():
    verdict = Verdict(warnings={SLOT: ("unknown key x", "unknown key y")})
    assert said(rulesfile(Part(NEW)), {}, verdict) == (
        "Programmed",
        None,
        "unknown key x; unknown key y",
    )


def test_an_unresolved_artifact_waits_for_the_operator_and_a_resolved_one_for_its_content():
    unresolved = said(rulesfile(revision=""), {})
    fetching = said(rulesfile(Part()), {})
    assert unresolved[:2] == fetching[:2] == ("Pending", "Pending")
    assert "resolved" in unresolved[2]
    assert "inline" in fetching[2]


def test_the_gate_waits_for_what_is_to_come_and_for_what_may_pass_but_not_for_failures():
    passing = Trouble("OCIArtifactStoreFailed", "no registry", transient=True)
    final = Trouble("OCIArtifactStoreFailed", "wrong media type")
    waiting = {
        "fetched": rulesfile(Part()),
        "passing": rulesfile(Part(None, passing)),
        "not looked at": rulesfile(Part(NEW), revision="2"),
    }
    for name, item in waiting.items():
        before = [rulesfile(Part(NEW))] if name == "not looked at" else [item]
        told = reports(before, plan(before, {}), Verdict(), {})
        assert open_items([item], told) == ["Rulesfile a"], name
    for item in (rulesfile(Part(None, final)), rulesfile(Part(NEW)), rulesfile(selected=False)):
        told = reports([item], plan([item], {}), Verdict(), {})
        assert open_items([item], told) == []


def test_an_artifact_that_nobody_has_looked_at_yet_is_waited_for():
    nobody_looked = rulesfile(parts=None, revision="")
    told = reports([nobody_looked], plan([nobody_looked], {}), Verdict(), {})
    assert open_items([], told) == ["Rulesfile a"]


def test_more_is_at_hand_while_what_no_registry_holds_is_fetched():
    trouble = Trouble("ConfigMapRulesStoreFailed", "no disk", transient=True)
    at_hand = {
        "nothing": rulesfile(parts=None),
        "come": rulesfile(Part(NEW)),
        "failed": rulesfile(Part(None, trouble)),
        "pulled": rulesfile(parts={"oci": Part()}),
        "rendered": rulesfile(Part()),
        "read": rulesfile(parts={"oci": Part(NEW), "configmap": Part()}),
    }
    assert [name for name in at_hand if is_more_at_hand([at_hand[name]])] == ["rendered", "read"]
