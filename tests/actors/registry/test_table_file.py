"""The file of the table of registries: what is kept while it is bad, and what is told."""

import random

import pytest

from actors.registry.table_file import TableFile, TableFollower
from actors.runtime.context import Runtime
from resources.registry.table import NO_TABLE, table_of, table_text
from resources.registry.table_reader import read_table
from tests.fake_clock import FakeClock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registries.yaml"


def test_without_a_path_there_is_an_empty_table():
    file = TableFile("", read_table)
    assert (file.table, file.is_known, file.problem, file.look()) == (NO_TABLE, True, "", False)


def test_a_table_that_turns_bad_leaves_the_last_good_one(path):
    path.write_text("proxy: http://a:1")
    file = TableFile(str(path), read_table)
    good = file.table
    assert good.proxy == "http://a:1"
    for bad, problem in (
        ("proxi: x", "proxi: 'proxi' is not valid; allowed is a field of mirrors, hosts"),
        ("proxy: [", "line 2: "),
        (
            f"hosts: {{a: {{tls: {{ca: '{NO_CERTIFICATE}'}}}}}}",
            "hosts.a.tls.ca is not valid; allowed is certificates",
        ),
    ):
        path.write_text(bad)
        assert not file.look()
        assert file.problem.startswith(f"{path}: {problem}")
        assert (file.table, file.is_known) == (good, True)
    path.unlink()
    assert not file.look()
    assert (file.table, file.problem) == (good, f"{path}: No such file or directory")
    path.write_text("proxy: http://b:1")
    assert file.look()
    assert (file.table.proxy, file.problem) == ("http://b:1", "")


NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----MAAA-----END CERTIFICATE-----"


def test_another_text_of_the_same_table_is_no_change(path):
    path.write_text("proxy: http://a:1")
    file = TableFile(str(path), read_table)
    path.write_text("# the same\nproxy: http://a:1")
    assert not file.look()


def test_a_table_is_not_known_before_it_is_there_and_an_empty_one_is(path):
    file = TableFile(str(path), table_of)
    assert not file.is_known
    path.write_text("{")
    assert not file.look()
    assert not file.is_known
    path.write_text(table_text(NO_TABLE))
    assert file.look()
    assert file.is_known


async def test_a_change_is_told_and_a_bad_file_is_logged_once(path, caplog):
    caplog.set_level("INFO")
    clock, told = FakeClock(), []
    path.write_text("proxy: http://a:1")
    file = TableFile(str(path), read_table)
    follower = TableFollower(Runtime(clock, random.Random(1)), file, lambda: told.append(1))
    follower.launch()
    for text in ("proxy: http://b:1", "proxy: b", "proxy: b", "proxy: http://c:1"):
        path.write_text(text)
        await clock.advance(5)
    assert len(told) == 2
    bad = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(bad) == 1
    assert bad[0].startswith(f"the table of registries is bad, the one before is kept: {path}: ")
    await follower.actor_ref.stop()
