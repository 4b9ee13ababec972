"""Where there can be no real node, nothing fails; what this project does wrong does."""

import pytest

from deploy.local import build
from deploy.local.node import __main__ as node
from deploy.local.node import enclosure, images, needs


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine that has everything; nothing is built, and commands exit with 3."""

    def change(module, name, answer=None, error=None):
        def answered(*_):
            if error is not None:
                raise error
            return answer

        monkeypatch.setattr(module, name, answered)

    change(needs, "missing", [])
    change(build, "files", {})
    change(images, "foreign", images.Foreign(tmp_path / "base", tmp_path / "pause"))
    change(images, "own", (tmp_path / "operator", tmp_path / "falco"))
    change(enclosure, "run", 3)
    return change


def test_the_exit_code_is_that_of_the_command(machine):  # noqa: ARG001 - it has everything
    assert node.main(["false"]) == 3


@pytest.mark.parametrize(
    ("module", "name", "change", "why"),
    [
        (needs, "missing", {"answer": ["root on Linux", "bridges"]}, "root on Linux, bridges"),
        (build, "files", {"error": build.BuildError("no Go proxy")}, "no Go proxy"),
        (images, "foreign", {"error": images.ImageError("no mirror")}, "no mirror"),
    ],
)
def test_what_is_missing_is_named_and_is_no_failure(machine, capsys, module, name, change, why):
    machine(module, name, **change)
    assert node.main(["false"]) == 0
    said = capsys.readouterr().err
    assert said.startswith("SKIPPED: a real node needs ")
    assert why in said


def test_an_own_image_that_cannot_be_built_is_a_failure(machine, capsys):
    machine(images, "own", error=images.ImageError("COPY failed"))
    assert node.main(["false"]) == 1
    assert "COPY failed" in capsys.readouterr().err
