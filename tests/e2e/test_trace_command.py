"""What `kubectl falco trace` and `actors` tell of a running operator."""

import json

import pytest
import yaml
from click.testing import CliRunner

from cli.program import main
from tests.eventually import eventually


@pytest.fixture
def ask(operator, namespace):
    """Runs a command of the user's against the operator, and gives what it prints."""

    def run(*arguments, code=0):
        server = f"http://127.0.0.1:{operator.port('DebugServer')}"
        where = [f"--server={server}", f"--namespace={namespace}"]
        result = CliRunner().invoke(main, [*arguments, *where])
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_the_story_of_a_falco_tells_why_each_reconcile_was(ask, falcos, operator):
    falcos.create(type="Deployment", replicas=1)

    def story(text):
        """Asked for at once: a trace keeps the last 16 reconciles, of which a rollout has some."""
        return eventually(lambda: text in (all_of_it := told()) and all_of_it)

    def told():
        known = falcos.get() and operator.trace(f"{falcos.namespace}/falco")
        return ask("trace", "falco/falco", "--last=50") if known else ""

    created = story("created ")
    assert "ServiceAccount falco, " in created
    assert "Woken because Falco falco changed to version" in created
    falcos.becomes(Reconciled="True", Available="True")
    falcos.change(version="0.43.1")
    assert "Deployment falco (spec.template.metadata.annotations" in story(
        "updated ConfigMap falco"
    )
    falcos.becomes(Reconciled="True", Available="True")
    assert "the watch told it of what" in story("By its trace it reconciled ")


def test_json_and_yaml_hold_all_that_the_text_shows(ask, falcos):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")

    def both():
        before = ask("trace", "falco/falco", "-o", "json")
        text = ask("trace", "falco/falco", "--last=50")
        return before == ask("trace", "falco/falco", "-o", "json") and (before, text)

    whole, text = eventually(both)
    answer = json.loads(whole)
    assert answer["kind"] == "MessageList"
    told = [sentence for item in answer["items"] for sentence in item["story"]]
    assert [line.strip() for line in text.splitlines() if line.startswith("    ")] == told
    assert answer["summary"] in text
    assert yaml.safe_load(ask("trace", "falcos/falco", "-o", "yaml"))["items"]


def test_the_timeline_is_that_of_one_actor(ask, falcos, tmp_path):
    for name in ("falco", "other"):
        falcos.create(name)
        falcos.becomes(name, Reconciled="True")
    file = tmp_path / "trace.json"
    ask("trace", "falco/falco", f"--perfetto={file}")
    text = file.read_text()
    assert json.loads(text)["traceEvents"]
    assert f"Falco/{falcos.namespace}/falco" in text
    assert f"Falco/{falcos.namespace}/other" not in text


def test_actors_are_a_table_of_those_that_are_asked_for(ask, falcos, namespace):
    falcos.create()
    falcos.becomes(Reconciled="True", Available="True")
    assert f"Falco/{namespace}/falco" in ask("actors")
    assert ask("actors", "--kind=plugin") == f"No such actors in namespace {namespace}.\n"

    def trace():
        (one,) = json.loads(ask("actors", "--kind=falcos", "-o", "json"))["items"]
        return one["actor"]["trace"]

    assert eventually(trace)
    names = [line.split()[0] for line in ask("actors", "-A").splitlines()]
    assert {"ACTOR", "router", "watchers", f"Falco/{namespace}/falco"} <= {*names}


def test_a_part_of_the_process_is_asked_for_by_its_name(ask):
    assert ask("trace", "router").startswith("router is ")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["trace", "falco/none"], "has no actor for Falco"),
        (["trace", "house/falco"], "'house' is no kind that has actors"),
        (["trace", "nothing"], "has no part nothing"),
        (["actors", "--since=soon"], "since is 'soon'"),
        (["actors", "--pod=a", "--node=b"], "exclude each other"),
    ],
)
def test_what_is_not_there_is_a_sentence(ask, arguments, why):
    assert why in ask(*arguments, code=2)
