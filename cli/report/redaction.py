"""Objects without what is secret, or may be, and a list of what was taken out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from cli.output.concealed import concealed, text_concealed

if TYPE_CHECKING:
    from collections.abc import Iterable

Object = dict[str, Any]

REMOVED = "(removed)"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Contents that users write: they may hold anything, such as the password of an output.
_CONTENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Rulesfile": (("spec", "inlineRules"),),
    "Config": (("spec", "config"),),
    "Plugin": (("spec", "config", "initConfig"), ("spec", "config", "openParams")),
}
# The rest of a Node's status, such as its addresses and images, tells nothing about Falco.
_KEPT_OF_NODE = ("nodeInfo", "conditions", "capacity", "allocatable")


class Redaction:
    """Takes out of objects and texts what is secret; `removed` counts what."""

    def __init__(self) -> None:
        self.removed: Counter[str] = Counter()

    def of(self, one: Object) -> Object:
        """A copy of an object of the cluster that may be shown to anybody."""
        copy: Object = msgspec.json.decode(msgspec.json.encode(one))
        kind, metadata = copy["kind"], copy["metadata"]
        assert kind != "Secret", "it is never read"
        metadata.pop("managedFields", None)
        if (metadata.get("annotations") or {}).pop(_LAST_APPLIED, None) is not None:
            self.removed[f"annotation {_LAST_APPLIED}"] += 1
        for path in _CONTENTS.get(kind, ()):
            self._remove(copy, path, f"{'.'.join(path)} of {kind}")
        if kind == "Node":
            self._keep(copy, "status", _KEPT_OF_NODE, "addresses and images of Node")
        self._walk(copy)
        found: Object = concealed(copy, self._conceal)
        return found

    def text(self, text: str) -> str:
        """A text, such as a log, without what looks like a credential."""
        return text_concealed(text, self._conceal)

    def _conceal(self, _credential: str) -> str:
        self.removed["values that look like credentials, or are called so"] += 1
        return REMOVED

    def _remove(self, one: Object, path: Iterable[str], what: str) -> None:
        *parents, last = path
        for key in parents:
            below = one.get(key)
            if not isinstance(below, dict):
                return
            one = below
        if last in one:
            size = len(msgspec.json.encode(one[last]))
            one[last] = f"(removed: {size} bytes)"
            self.removed[what] += 1

    def _keep(self, one: Object, field: str, kept: Iterable[str], what: str) -> None:
        found = one.get(field)
        if isinstance(found, dict):
            one[field] = {key: found[key] for key in kept if key in found}
            self.removed[what] += 1

    def _walk(self, value: Any) -> None:
        """Take out the values of variables, and bundles of certificates, wherever they are."""
        if isinstance(value, list):
            for item in value:
                self._walk(item)
        if not isinstance(value, dict):
            return
        for variable in value["env"] if isinstance(value.get("env"), list) else ():
            if isinstance(variable, dict) and "value" in variable:
                variable["value"] = REMOVED
                self.removed["values of variables (env)"] += 1
        if "caBundle" in value:
            value["caBundle"] = REMOVED
        for item in value.values():
            self._walk(item)
