"""Keys of Secrets and ConfigMaps are named, and their values never."""

import pytest

from resources.text.keyed_text import NoText, config_map_text, keys_of, named_keys

HELD = {"data": {"b": "text", "d": ""}, "binaryData": {"a": "dGV4dA==", "c": "/w==", "e": "%"}}


def test_the_keys_of_both_maps_are_in_order():
    assert keys_of(HELD) == ["a", "b", "c", "d", "e"]
    assert keys_of({"data": None}) == []


@pytest.mark.parametrize(("key", "text"), [("a", "text"), ("b", "text"), ("d", "")])
def test_text_is_the_same_in_either_map(key, text):
    assert config_map_text(HELD, key) == text


@pytest.mark.parametrize("key", ["c", "e"])
def test_what_is_no_text_is_told_by_its_key(key):
    with pytest.raises(NoText, match=rf"^has no UTF-8 text under key {key} of binaryData$"):
        config_map_text(HELD, key)


def test_a_missing_key_is_told_with_those_that_are_there():
    with pytest.raises(NoText, match=r"^has no key x; it has: a, b, c, d, e$"):
        config_map_text(HELD, "x")


def test_few_of_many_keys_are_named():
    assert named_keys(()) == "it has: none"
    assert named_keys([f"k{n}" for n in range(10)]).count(",") == 9
    assert named_keys([f"k{n:02}" for n in range(12)]).endswith(", k09 and 2 more")
