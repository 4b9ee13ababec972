"""Sample artifacts for the local registry, in the repositories that the quickstart names."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from deploy.local import publisher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.local.registry import Registry

PLUGIN = "falcosecurity/plugins/plugin/container"
RULES = "falcosecurity/rules/falco-rules"
TAGS = ("0.4.0", "latest")

RULES_TEXT = """\
# A sample of `make run`, which stands for the rules of the Falco project.
- required_engine_version: 0.50.0

- required_plugin_versions:
  - name: container
    version: 0.4.0

- list: shells
  items: [ash, bash, dash, sh, zsh]

- macro: in_a_container
  condition: container.id != host

- macro: written_below_etc
  condition: >-
    evt.type in (open, openat, openat2) and evt.is_open_write = true
    and fd.name startswith /etc/

- rule: Write below etc in a container
  desc: A process in a container has opened a file below /etc for writing.
  condition: in_a_container and written_below_etc
  output: >-
    A file below /etc was opened for writing (file=%fd.name command=%proc.cmdline
    container=%container.name)
  priority: WARNING
  tags: [container, filesystem]

- rule: Terminal shell in a container
  desc: A shell in a container is used from a terminal.
  condition: >-
    in_a_container and evt.type in (execve, execveat)
    and proc.name in (shells) and proc.tty != 0
  output: >-
    A shell is used in a container (user=%user.name command=%proc.cmdline
    container=%container.name)
  priority: NOTICE
  tags: [container, shell]
"""

# e_machine of each platform (elf.h).
_MACHINES = {"linux/amd64": 62, "linux/arm64": 183}
_SHARED_OBJECT = 3
_HEADER_BYTES = 64


def publish(registry: Registry, libraries: Mapping[str, bytes] | None = None) -> None:
    """Publish a rules artifact and a plugin under the names in the quickstart.

    `libraries` are the plugin's by platform; without them they are files that Falco cannot load.
    """
    target = publisher.Repository(registry.url)
    publisher.publish_rules(target, RULES, TAGS, RULES_TEXT, {"name": "falco-rules"})
    publisher.publish_plugin(
        target,
        PLUGIN,
        TAGS,
        libraries or {platform: library(platform) for platform in _MACHINES},
        {"name": "container", "version": TAGS[0]},
    )


def library(platform: str) -> bytes:
    """A file with the ELF header of a shared library for the platform; Falco cannot load it."""
    identification = b"\x7fELF" + bytes([2, 1, 1])  # 64 bits, little-endian, version 1
    header = struct.pack(
        "<16sHHI28xH10x", identification, _SHARED_OBJECT, _MACHINES[platform], 1, _HEADER_BYTES
    )
    return header + f"A sample for {platform}, made by `make run`.\n".encode()
