"""Which process gets the identity of another: the next in the same pod, and never a second."""

import random
import subprocess
import sys

import pytest

from actors.leader.identity import lasting_identity

PROGRAM = """
import random, sys
from pathlib import Path
from actors.leader.identity import lasting_identity
print(lasting_identity(Path(sys.argv[1]), sys.argv[2], random.Random()), flush=True)
sys.stdin.read()
"""


class Candidate:
    """A process with an identity, which lives until it is killed."""

    def __init__(self, directory, pod="pod"):
        command = [sys.executable, "-c", PROGRAM, str(directory), pod]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self.identity = self._process.stdout.readline().strip()

    def kill(self):
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def candidate(tmp_path):
    """Starts processes in one pod, which are dead in the end."""
    made = []

    def start(pod="pod", directory=tmp_path):
        made.append(Candidate(directory, pod))
        return made[-1]

    yield start
    for each in made:
        each.kill()


def test_the_process_after_a_killed_one_has_its_identity(candidate):
    identities = set()
    for _ in range(3):
        identities.add((process := candidate()).identity)
        process.kill()
    (identity,) = identities
    assert identity.startswith("pod_")


def test_a_second_process_beside_the_first_has_its_own_also_after_the_end_of_the_first(candidate):
    first, second = candidate(), candidate()
    assert first.identity != second.identity
    first.kill()
    assert candidate().identity == first.identity
    assert candidate().identity not in {first.identity, second.identity}


def test_another_pod_has_another_identity_whatever_an_earlier_pod_has_left(candidate):
    (first := candidate("a")).kill()
    assert candidate("b").identity.startswith("b_")
    assert first.identity.startswith("a_")


@pytest.mark.parametrize("left", [b"", b"pod_", b"pod_0123", b"\xff" * 600, b"pod_" + b"0" * 17])
def test_a_file_without_an_identity_gets_one(candidate, tmp_path, left):
    (tmp_path / "falco-operator.identity").write_bytes(left)
    (first := candidate()).kill()
    assert candidate().identity == first.identity


def test_without_a_place_for_the_file_every_process_has_an_identity_of_its_own(candidate, tmp_path):
    nowhere = tmp_path / "not-there"
    (first := candidate(directory=nowhere)).kill()
    assert candidate(directory=nowhere).identity != first.identity


def test_a_link_is_not_followed(tmp_path):
    (target := tmp_path / "target").write_text("theirs")
    (tmp_path / "falco-operator.identity").symlink_to(target)
    assert lasting_identity(tmp_path, "pod", random.Random(1)).startswith("pod_")
    assert target.read_text() == "theirs"
