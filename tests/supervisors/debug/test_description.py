"""Descriptions of actors as JSON: bounded, in steps, and whole but for what cannot be described."""

from __future__ import annotations

import asyncio
import json

import pytest

from supervisors.debug import description
from supervisors.debug.description import pieces, rendered


def told(node, indent=0):
    return json.loads(b"".join(pieces(node, indent)))


def test_a_tree_of_ordinary_size_is_told_whole():
    tree = {"name": "operator", "mail": 0, "timer": None, "children": [{"up": True, "wait": 0.5}]}
    assert told(tree) == tree
    assert told(tree, indent=2) == tree


def test_a_function_stands_for_its_result():
    lazy = {"name": "a", "children": [lambda: {"name": "b", "actor": lambda: {"x": 1}}, dict]}
    whole = {"name": "a", "children": [{"name": "b", "actor": {"x": 1}}, {}]}
    assert told(lazy) == told(lambda: lazy) == whole
    for indent in (0, 2):
        assert b"".join(pieces(lazy, indent)) == b"".join(pieces(whole, indent))


@pytest.mark.parametrize("count", [1, 1_000, 1_001])
def test_what_is_too_long_too_many_or_too_deep_is_cut_and_said_to_be(count):
    tree = {
        "text": "x" * 5_000,
        "list": list(range(2_500)),
        "object": {str(n): n for n in range(1_001)},
        "deep": json.loads("[" * 100 + "]" * 100),
        "functions": [dict] * count,
        **{str(n): dict for n in range(1_000)},
    }
    read = told(tree)
    assert read["text"] == "x" * 1_000 + "…"
    assert (len(read["list"]), read["list"][-1]) == (1_001, "… and 1500 more")
    assert list(read["object"])[-1] == "… and 1 more"
    assert len(json.dumps(read["deep"])) < 100
    assert read["functions"][1_000:] == (["… and 1 more"] if count > 1_000 else [])
    assert list(read)[-1] == "… and 5 more"


def test_functions_without_end_are_cut():
    def endless():
        return [endless]

    assert len(b"".join(pieces(endless))) < 100


def test_what_json_does_not_know_is_told_as_text():
    read = told({1: "lone \ud800", "set": {"a"}, "error": ValueError("v")})
    assert read == {"1": r"lone \ud800", "set": ["a"], "error": "v"}


class Unspeakable:
    """It raises when its text is asked for."""

    def __str__(self):
        raise ValueError("a bug")


def test_what_cannot_be_described_costs_its_own_entry(caplog):
    def faulty():
        raise KeyError("a bug")

    good = {"name": "good"}
    tree = {"children": [lambda: good, faulty, lambda: {"x": Unspeakable()}, lambda: good]}
    assert told(tree)["children"] == [
        good,
        {"fault": "cannot be described: KeyError"},
        {"fault": "cannot be described: ValueError"},
        good,
    ]
    assert [record.exc_info[0] for record in caplog.records] == [KeyError, ValueError]


async def test_the_loop_has_a_turn_every_few_entries():
    turns = 0

    def turn():
        nonlocal turns
        turns += 1
        asyncio.get_running_loop().call_soon(turn)

    described = []  # the number of turns before each entry

    def describe():
        described.append(turns)
        return {"state": "idle"}

    tree = {"children": [describe] * 1_000}
    turn()
    assert len(json.loads(await rendered(tree))["children"]) == 1_000
    in_a_turn = [described.count(number) for number in set(described)]
    assert max(in_a_turn) <= description.STEP
    assert turns >= 1_000 / description.STEP
