import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resources.artifact.medium import Medium
from resources.node.plugin_entries import Claim, PluginEntry, older_wins, plugin_entries
from resources.node.slots import SlotId


def entry(name, *dependencies, **fields):
    return PluginEntry(
        name, f"/usr/share/falco/plugins/{name}.so", dependencies=dependencies, **fields
    )


def order(*entries):
    config = yaml.safe_load(plugin_entries(entries))
    assert [plugin["name"] for plugin in config["plugins"]] == config["load_plugins"]
    return config["load_plugins"]


def test_an_entry_has_what_the_plugin_has_and_no_more():
    init = {
        "engines": {"docker": {"enabled": True, "sockets": ["${SOCKET}"]}},
        "label_max_len": 100,
    }
    text = plugin_entries([entry("json"), entry("container", init_config=init, open_params="a=b")])
    assert yaml.safe_load(text) == {
        "plugins": [
            {
                "name": "container",
                "library_path": "/usr/share/falco/plugins/container.so",
                "init_config": init,
                "open_params": "a=b",
            },
            {"name": "json", "library_path": "/usr/share/falco/plugins/json.so"},
        ],
        "load_plugins": ["container", "json"],
    }
    assert "${SOCKET}" in text


@pytest.mark.parametrize("init", ["", "plain", '{"a": 1}', {}, [], 0, False, "y", "5"])
def test_an_init_config_is_written_as_it_was_given(init):
    loaded = yaml.safe_load(plugin_entries([entry("a", init_config=init)]))
    assert loaded["plugins"][0]["init_config"] == init


def test_without_plugins_none_is_loaded():
    assert yaml.safe_load(plugin_entries([])) == {"plugins": [], "load_plugins": []}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry("c"), entry("a"), entry("b")], ["a", "b", "c"]),
        ([entry("a", "z"), entry("b"), entry("z")], ["z", "a", "b"]),
        ([entry("a", "c"), entry("b", "a"), entry("c", "d"), entry("d")], ["d", "c", "a", "b"]),
        ([entry("a", "absent"), entry("b", "b")], ["a", "b"]),
        ([entry("b", "a"), entry("a", "b"), entry("c", "b")], ["b", "a", "c"]),
        ([entry("a", "m"), entry("m", "n"), entry("n", "m")], ["n", "m", "a"]),
    ],
    ids=["by name", "dependency", "chain", "of none", "cycle", "cycle below"],
)
def test_dependencies_come_first_and_all_else_is_by_name(entries, expected):
    assert order(*entries) == expected
    assert order(*reversed(entries)) == expected


NAMES = st.sampled_from("abcdefgh")


@given(st.dictionaries(NAMES, st.sets(NAMES)), st.randoms())
def test_every_plugin_is_there_once_and_after_its_dependencies_unless_they_go_round(graph, random):
    entries = [entry(name, *dependencies) for name, dependencies in graph.items()]
    loaded = order(*entries)
    assert sorted(loaded) == sorted(graph)
    for name, dependencies in graph.items():
        for dependency in dependencies & graph.keys():
            if name not in reachable(graph, dependency):
                assert loaded.index(dependency) < loaded.index(name)
    random.shuffle(entries)
    assert order(*entries) == loaded


def reachable(graph, start):
    reached, left = set(), [start]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += graph.get(name, ())
    return reached


def slot(plugin):
    return SlotId("Plugin", plugin, f"uid-{plugin}", Medium.OCI)


def test_of_two_that_want_one_name_the_older_has_it_and_then_the_first_by_name():
    claims = [
        Claim("json", slot("third"), "2026-01-02T00:00:00Z"),
        Claim("json", slot("second"), "2026-01-01T00:00:00Z"),
        Claim("json", slot("first"), "2026-01-01T00:00:00Z"),
        Claim("other", slot("alone"), "2026-01-03T00:00:00Z"),
    ]
    losers = {slot("third"): slot("first"), slot("second"): slot("first")}
    assert older_wins(claims) == losers
    assert older_wins(reversed(claims)) == losers


def test_where_every_name_is_wanted_once_nobody_loses():
    assert older_wins([Claim("a", slot("a"), "2026"), Claim("b", slot("b"), "2026")]) == {}
