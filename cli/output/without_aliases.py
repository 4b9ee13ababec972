"""Writes YAML as people read it."""

from __future__ import annotations

import yaml


class WithoutAliases(yaml.SafeDumper):
    """Writes no aliases, for children share parts of their bodies, and lines of a text as lines."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is yaml's
        """Ignore all of them."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


WithoutAliases.add_representer(str, _text)
