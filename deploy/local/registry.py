"""A real OCI registry on a port of this machine, by default of its loopback interface."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import yaml

from deploy.local import build
from deploy.local.certificates import write_private
from deploy.local.identities import LOOPBACK
from deploy.local.lifetime import Lifetime
from deploy.local.process import Process, environment, start_on_free_port

if TYPE_CHECKING:
    from pathlib import Path

RegistryConfig = Mapping[str, Mapping[str, Any]]


class Registry(Lifetime):
    """The distribution registry, running between `start` and `stop`.

    Its content is in the directory and stays there. By default it has plain HTTP, no credentials,
    and allows deletion. The sections of `config`, which are those of the registry's configuration
    file, are merged over the defaults: `auth` for credentials, `http.tls` for TLS.
    """

    def __init__(
        self, directory: Path, config: RegistryConfig | None = None, host: str = LOOPBACK
    ) -> None:
        self.directory = directory.absolute()
        self._host = host
        self.log = self.directory / "registry.log"
        self._config = config or {}
        self._process: Process | None = None
        self._port = 0

    @property
    def address(self) -> str:
        """Host and port of the registry, as in an image reference."""
        return f"{self._host}:{self._port}"

    @property
    def url(self) -> str:
        """The root URL of the registry's API."""
        scheme = "https" if "tls" in self._config.get("http", {}) else "http"
        return f"{scheme}://{self.address}"

    @property
    def process(self) -> Process:
        """The process of the registry, which can be stopped and started again on the same port."""
        if self._process is None:
            raise RuntimeError("the registry is not started")
        return self._process

    def start(self) -> Self:
        """Start the registry and wait until it serves."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        binary = build.files("registry")["registry"]
        self._process, self._port = start_on_free_port(lambda port: self._make(binary, port))
        return self

    def stop(self) -> None:
        """Stop the registry."""
        if self._process is not None:
            self._process.stop()

    def _make(self, binary: Path, port: int) -> Process:
        file = self.directory / "config.yaml"
        write_private(file, yaml.safe_dump(self._whole_config(port)))
        process = Process(
            "the registry",
            [binary, "serve", file],
            log=self.log,
            environment={**environment(self.directory), "OTEL_TRACES_EXPORTER": "none"},
            # A connection is no proof: another process may have taken the port first and accept it.
            ready=lambda: process.logged(f"listening on {self._host}:{port}"),
        )
        return process

    def _whole_config(self, port: int) -> dict[str, Any]:
        ours: dict[str, Any] = {
            "version": 0.1,
            "storage": {
                "filesystem": {"rootdirectory": str(self.directory / "content")},
                "delete": {"enabled": True},
            },
            "http": {"addr": f"{self._host}:{port}", "secret": secrets.token_hex()},
        }
        for section, content in self._config.items():
            ours[section] = {**ours.get(section, {}), **content}
        return ours
