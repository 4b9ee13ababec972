"""What a request is about, by the path of its URL."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """The resource, such as `falcos/status`, and the object, `namespace/name` or `name`.

    `other` is a path that is no resource, and `-` no single object.
    """

    resource: str
    name: str

    @classmethod
    def of(cls, path: str) -> Target:
        """The target of a URL path."""
        parts = path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = []
        if parts and parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1:2], parts[2:]
        if not parts:
            return cls("other", "-")
        return cls("/".join([parts[0], *parts[2:3]]), "/".join([*namespace, *parts[1:2]]) or "-")
