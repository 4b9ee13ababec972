"""What a file or a document is, by its text: a manifest of ours, rules, or a part of falco.yaml."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from resources.kubernetes.kinds import ARTIFACT_GROUP, INSTANCE_GROUP, KINDS
from resources.kubernetes.names import OF_NAME, OF_NAMESPACE, is_name, is_namespace
from resources.text.messages import shown, shown_unquoted

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES = re.compile(
    rb"^(?:- *|\[\s*\{\s*)[\"']?"
    rb"(?:rule|macro|list|required_engine_version|required_plugin_versions)[\"']? *:",
    re.MULTILINE,
)
_MANIFEST = re.compile(rb"^(?:apiVersion|kind) *:|^ *\"(?:apiVersion|kind)\" *:", re.MULTILINE)
# On one line, as `jq -c` writes it, or indented; a part of falco.yaml may have a key `kind`.
_ANYWHERE = (
    re.compile(rb"(?:^|[{,\s])[\"']?apiVersion[\"']?\s*:"),
    re.compile(rb"(?:^|[{,\s])[\"']?kind[\"']?\s*:"),
)
_CONFIG_FILE = re.compile(r"falco(?:[._-][a-z0-9._-]+)?\.ya?ml")
_CONFIG_DIRECTORY = "config.d"
MANIFEST = "manifest"
_GROUPS = (INSTANCE_GROUP, ARTIFACT_GROUP)


def as_utf8(text: bytes) -> bytes:
    """The same text in UTF-8 if it is in UTF-16, as PowerShell writes it."""
    if text[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        with suppress(UnicodeDecodeError):
            return text.decode("utf-16").encode()
    return text


def kind_of_file(file: str, text: bytes) -> str:
    """MANIFEST, or the kind of slot of a plain file; empty if it is nothing of Falco's."""
    if _MANIFEST.search(text):
        return MANIFEST
    if _RULES.search(text):
        return "rules"
    path = PurePath(file)
    if _CONFIG_FILE.fullmatch(path.name) or path.parent.name == _CONFIG_DIRECTORY:
        return "config"
    return MANIFEST if all(key.search(text) for key in _ANYWHERE) else ""


def problem_of(value: Mapping[str, Any]) -> str:
    """Why no API server would take a document that is in one of our groups; empty if it may be.

    A kind that it does not know would not be checked at all.
    """
    version, kind, metadata = value.get("apiVersion"), value.get("kind"), value.get("metadata")
    if not isinstance(version, str) or version.partition("/")[0] not in _GROUPS:
        return ""
    known = [name for name, one in KINDS.items() if one.api_version == version]
    if kind not in known:
        group = version.partition("/")[0]
        there = [
            f"{name} in {one.api_version}" for name, one in KINDS.items() if one.group == group
        ]
        what = f"{shown_unquoted(str(kind))} in {shown_unquoted(version)}"
        return f"there is no kind {what}; there are {', '.join(there)}"
    if not isinstance(metadata, dict):
        return "metadata: it must be a map"
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name is None:
        return "metadata.name: it is missing"
    if not is_name(name):
        return f"metadata.name: {shown(str(name))} is not valid; allowed are {OF_NAME}"
    if namespace and not is_namespace(namespace):
        given = shown(str(namespace))
        return f"metadata.namespace: {given} is not valid; allowed are {OF_NAMESPACE}"
    return ""
