"""Whatever a server answers, a command says a sentence, and a terminal obeys nothing of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from cli.commands import LazyGroup

PROGRAM = Path(sys.executable).parent / "kubectl-falco"
ESCAPE = "\\u001b]0;title\\u0007"
REFUSED = f'{{"kind":"Status","message":"{ESCAPE}","code":%d}}'

ASKING = [
    ("status",), ("check",), ("why", "x"), ("report",), ("trace", "falco/x"), ("actors",),
    ("dashboard", "--no-browser"), ("analyze", "-A"),
]  # fmt: skip
TRACING = [("actors",), ("actors", "-A"), ("trace", "falco/x"), ("trace", "gate")]


@contextmanager
def serving(body, status=200):
    """The URL of a server that answers every request so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            """Say nothing of a client that is gone."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(*arguments, directory):
    ended = subprocess.run(
        [PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=directory,
        env={**os.environ, "HOME": str(directory)},
    )  # fmt: skip
    return ended.returncode, ended.stdout + ended.stderr


def kubeconfig(directory, server, cluster=""):
    path = directory / "kubeconfig"
    path.write_text(
        f"clusters: [{{name: c, cluster: {{server: '{server}'{cluster}}}}}]\n"
        "users: [{name: u, user: {}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "current-context: x\n"
    )
    return path


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_a_server_that_is_no_api_server(arguments, tmp_path):
    with serving(b"{}") as url:
        code, told = run(*arguments, "--kubeconfig", kubeconfig(tmp_path, url), directory=tmp_path)
    assert code == 2
    assert told.startswith(f"Error: {url} cannot be reached: ")
    assert "Traceback" not in told


@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_an_api_server_that_refuses_everything(arguments, tmp_path):
    path = tmp_path / "kubeconfig"
    for status in (401, 403):
        with serving((REFUSED % status).encode(), status) as url:
            kubeconfig(tmp_path, url)
            code, told = run(*arguments, "--kubeconfig", path, directory=tmp_path)
        assert code == (0 if arguments == ("report",) and status == 403 else 2)
        assert "Traceback" not in told
        assert told.isprintable() or set(told) - {"\n"} == {c for c in told if c.isprintable()}
        assert "well" not in told


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"version":2}'])
@pytest.mark.parametrize("arguments", TRACING, ids=" ".join)
def test_a_server_that_does_not_tell_of_actors(arguments, body, tmp_path):
    with serving(body) as url:
        code, told = run(*arguments, "--server", url, directory=tmp_path)
    assert code == 2
    assert told.startswith(f"Error: the process at {url} does not tell of actors")


def test_no_terminal_obeys_an_actor(tmp_path):
    actor = f'{{"object":"Falco/a/{ESCAPE}","actor":{{"state":"{ESCAPE}"}}}}'
    body = f'{{"version":1,"actors":[{actor}],"omitted":0}}'
    with serving(body.encode()) as url:
        code, told = run("actors", "--server", url, directory=tmp_path)
    assert code == 0
    assert "title" in told
    assert "\x1b" not in told


def test_no_terminal_obeys_a_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "apiVersion: artifact.falcosecurity.dev/v1alpha1\nkind: Rulesfile\n"
        f'metadata: {{name: "{ESCAPE}"}}\nspec: {{inlineRules: "- {ESCAPE}"}}\n'
    )
    code, told = run("analyze", "-f", path, directory=tmp_path)
    assert (code, "\x1b" in told, "title" in told) == (1, False, True)


def test_certificates_that_are_none(tmp_path):
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", ", certificate-authority-data: eHg=")
    code, told = run("status", "--kubeconfig", path, directory=tmp_path)
    assert code == 2
    assert told.startswith("Error: the certificates of the kubeconfig cannot be used: ")


def test_no_kubeconfig_and_a_plugin_that_fails_are_one_sentence(tmp_path):
    code, told = run("status", "--kubeconfig", tmp_path / "none", directory=tmp_path)
    assert (code, told) == (2, f"Error: there is no kubeconfig: {tmp_path}/none does not exist\n")
    ended = run("check", "--wait", "1h", "--kubeconfig", tmp_path / "none", directory=tmp_path)
    assert ended == (code, told)
    path = kubeconfig(tmp_path, "https://127.0.0.1:1")
    plugin = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: 'false'}}"
    path.write_text(path.read_text().replace("user: {}", f"user: {plugin}"))
    code, told = run("status", "--kubeconfig", path, directory=tmp_path)
    assert (code, told) == (2, f"Error: kubeconfig {path}: exec: process returned 1\n")


@pytest.mark.parametrize(("arguments", "code"), [((), 130), (("--watch",), 0)])
def test_a_status_that_is_interrupted_is_well_only_if_it_was_to_watch(arguments, code, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [PROGRAM, "status", *arguments, "--kubeconfig", kubeconfig(tmp_path, url)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            asking, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == code
            asking.close()


@pytest.mark.parametrize(("raised", "code"), [(KeyError, 2), (KeyboardInterrupt, 130)])
def test_a_command_that_has_a_bug_or_is_interrupted_has_found_nothing(raised, code, monkeypatch):
    @click.command()
    def broken():
        raise raised

    group = LazyGroup("main", commands_at={"broken": ":"})
    monkeypatch.setattr(group, "get_command", lambda *_: broken)
    with pytest.raises(SystemExit) as ended:
        group.main(["broken"])
    assert ended.value.code == code
