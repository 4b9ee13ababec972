"""What a confined process can still do, asked of one."""

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

from resources.check.check_request import Context, FalcoProgram
from resources.check.dry_run_answer import DoesNotRun
from resources.configuration.base import base_config
from resources.node.files import Directory
from sidecar.check.confinement import confinement
from sidecar.check.dry_run import DryRuns
from tests.played_dry_run import write_played_falco

LANDLOCK = ctypes.CDLL(None).syscall(444, None, 0, 1)
has_landlock = pytest.mark.skipif(LANDLOCK < 1, reason="the kernel has no Landlock")
SYSTEM = [Path(path) for path in ("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/dev")]
TRIES = """
import ctypes, json, os, signal, socket, sys
from pathlib import Path

def tried(call):
    try:
        call()
    except OSError as error:
        return type(error).__name__ if error.errno != 97 else "no such family"
    return "done"

libc = ctypes.CDLL(None, use_errno=True)

def traced():
    if libc.ptrace(0, 0, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")

place = Path(sys.argv[1])
found = {
    "family": {
        name: tried(lambda: socket.socket(getattr(socket, name)))
        for name in ("AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK")
    },
    "trace": tried(traced),
    "token": tried((place / "token").read_bytes),
    "memory of the parent": tried(Path(f"/proc/{os.getppid()}/mem").open),
    "token by the parent": tried(Path(f"/proc/{os.getppid()}/root{place}/token").read_bytes),
    "write": tried(lambda: (place / "open" / "new").write_text("")),
    "read": tried((place / "open" / "file").read_bytes),
    "signal": tried(lambda: os.kill(os.getppid(), 0)),
}
print("Error: " + json.dumps(found))
sys.exit(1)
"""


def asked(place, readable):
    """The answers of a confined process, whose files are below `place`."""
    confined = confinement([*SYSTEM, Path(sys.prefix), Path(sys.base_prefix), *readable])
    run = subprocess.run(
        [sys.executable, "-c", TRIES, place],
        preexec_fn=confined.apply,
        capture_output=True,
        text=True,
        check=False,
    )
    confined.close()
    return json.loads(run.stdout.removeprefix("Error: "))


@pytest.fixture
def place(tmp_path):
    (tmp_path / "token").write_text("secret")
    (tmp_path / "open").mkdir()
    (tmp_path / "open/file").write_text("rules")
    return tmp_path


def test_it_has_no_network_and_traces_no_process(place):
    found = asked(place, [place / "open"])
    assert set(found["family"].values()) == {"no such family"}
    assert found["trace"] == "PermissionError"


@has_landlock
def test_it_reads_what_it_may_and_nothing_else_and_writes_nothing(place):
    found = asked(place, [place / "open"])
    assert found["read"] == "done"
    refused = ["token", "token by the parent", "memory of the parent", "write"]
    refused += ["signal"] if LANDLOCK >= 6 else []
    assert {name: found[name] for name in refused} == dict.fromkeys(refused, "PermissionError")


def test_a_kernel_without_either_runs_it_all_the_same(place, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "another")
    monkeypatch.setattr("sidecar.check.confinement._CREATE_RULESET", 1000)  # no such call
    found = asked(place, [])
    assert (found["read"], found["token"]) == ("done", "done")
    assert found["family"]["AF_INET"] == "done"


@has_landlock
def test_a_dry_run_sees_neither_network_nor_token(place, tmp_path):
    """A Falco that has been taken over by what it reads; it says what it could do."""
    short = '", ".join([found["token"], found["family"]["AF_INET"], str(os.environ.get("HOME"))])'
    source = TRIES.replace("sys.argv[1]", repr(str(place))).replace("json.dumps(found)", short)
    image = write_played_falco(tmp_path / "image", f"#!{sys.executable}\n{source}")
    base = tmp_path / "falco.yaml"
    base.write_text(base_config("Deployment", "0.44.1"))
    for directory in Directory:
        (tmp_path / directory.value).mkdir(parents=True)
    work = tmp_path / "work"
    work.mkdir()
    program = FalcoProgram(str(image), str(tmp_path), str(base), {}, 20.0)
    with pytest.raises(DoesNotRun, match="PermissionError, no such family, None"):
        DryRuns(program, Context(), work).ask(())
