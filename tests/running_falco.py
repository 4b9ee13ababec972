"""A running Falco that is played: it loads files, says so, and misses some changes, as a real one.

Measured on Falco 0.44.1: it waits 100 ms for further changes, loads for 0.5 to 2 s, notices no
change meanwhile, and answers all the time but 0.3 s.
"""

import hashlib
import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from resources.node.files import Directory

_DEBOUNCE = 0.1
_LOOK = 0.02


class RunningFalco:
    """Serves what it has loaded of the directories below `root`, on a port of its own."""

    def __init__(self, root, load_seconds=0.5):
        self._root = root
        self._load_seconds = load_seconds
        self._over = threading.Event()
        self._may_load = threading.Event()
        self._may_load.set()
        self.misses = 0
        """How many changes it will not notice."""
        self.refuses = b"\0"
        """A text of which it keeps what it has loaded."""
        self.requests = 0
        self.loaded = self._read()
        self.reloaded_at = time.time_ns()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        self._threads = [
            threading.Thread(target=self._server.serve_forever),
            threading.Thread(target=self._run),
        ]

    @contextmanager
    def running(self):
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._may_load.set()
            self._server.shutdown()
            self._server.server_close()
            for thread in self._threads:
                thread.join()

    @contextmanager
    def held(self):
        """It loads nothing for the length of the context."""
        self._may_load.clear()
        try:
            yield
        finally:
            self._may_load.set()

    def metrics(self):
        lines = [
            f'falcosecurity_falco_sha256_rules_files_info{{file_name="{name}",sha256="{digest}"}} 1'
            for (place, name), (digest, _) in self.loaded.items()
            if place is Directory.RULES
        ]
        lines.append(f"falcosecurity_falco_reload_timestamp_nanoseconds {self.reloaded_at}")
        return "\n".join(lines)

    def _run(self):
        before = self._seen()
        while not self._over.wait(_LOOK):
            if self._seen() == before:
                continue
            self._over.wait(_DEBOUNCE)
            if self.misses:
                self.misses -= 1
                before = self._seen()
                continue
            self._may_load.wait()
            read, read_at = self._read(), time.time_ns()
            self._over.wait(self._load_seconds)
            if self._is_refused():
                before = self._seen()
                continue
            self.loaded, self.reloaded_at = read, read_at
            before = self._seen()  # what came meanwhile is never noticed

    def _is_refused(self):
        for place in (Directory.RULES, Directory.CONFIG):
            for path in (self._root / place.value).glob("*.yaml"):
                with suppress(FileNotFoundError):
                    if self.refuses in path.read_bytes():
                        return True
        return False

    def _seen(self):
        """What tells a change: a file renamed into place is another one."""
        return {key: stat for key, (_, stat) in self._read().items()}

    def _read(self):
        found = {}
        for place in (Directory.RULES, Directory.CONFIG):
            for path in (self._root / place.value).glob("*.yaml"):
                with suppress(FileNotFoundError):
                    stat = path.stat()
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    found[place, path.name] = digest, (stat.st_ino, stat.st_ctime_ns)
        return found

    def _handler(falco):  # noqa: N805 - the handler below has the other self
        answers = {
            "/metrics": falco.metrics,
            "/versions": lambda: json.dumps({"engine_version_semver": "0.62.0"}),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                falco.requests += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answers[self.path]().encode())

            def log_message(self, *_):
                pass

        return Handler
