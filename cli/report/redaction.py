"""Objects without what is secret, or may be, and a list of what was taken out."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from cli.output.concealed import concealed, text_concealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cli.cluster.snapshot import Object


REMOVED = "(removed)"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Other tools keep copies of objects in annotations as well, as JSON or packed: whatever is longer.
_LONGEST_ANNOTATION = 256
_OURS = "falcosecurity.dev/"
# Contents that users write: they may hold anything, such as the password of an output.
_CONTENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Rulesfile": (("spec", "inlineRules"),),
    "Config": (("spec", "config"),),
    "Plugin": (("spec", "config", "initConfig"), ("spec", "config", "openParams")),
}
# In JSON, or as text with the time of the event, unlike that of Falco's own lines.
_ALERT = re.compile(
    r"^(?:\{.*\"rule\":|(?:[0-9-]{10}T)?\d\d:\d\d:\d\d\.\d{6,9}\S{0,6}: [A-Z]).*\n?",
    re.MULTILINE | re.ASCII,
)
# A message about a Config quotes the text that stands in the place of a map, or of a boolean; the
# end may be cut, and the quotes have backslashes in a log of JSON.
_QUOTED = re.compile(
    r"(?P<kept>(?:not the text|and ignores) \\{0,3}\").{1,200}?"
    r"(?=\\{0,3}\"(?:[;,.)\]}'\"\s\\]|$)|…|$)",
    re.MULTILINE,
)
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
        for path in _CONTENTS.get(kind, ()):
            self._remove(copy, path, f"{'.'.join(path)} of {kind}")
        if kind == "Node":
            self._keep(copy, "status", _KEPT_OF_NODE, "addresses and images of Node")
        self._walk(copy)
        found: Object = concealed(self._without_quoted(copy), self._conceal)
        return found

    def text(self, text: str) -> str:
        """A text, such as a log, without what looks like a credential."""
        return text_concealed(self._without_quoted(text), self._conceal)

    def falco_log(self, text: str) -> str:
        """The log of a Falco, without its alerts as well: they hold what others have typed."""
        text, count = _ALERT.subn("", text)
        if count:
            self.removed["alerts in logs of Falco"] += count
        return self.text(text)

    def _without_quoted(self, value: Any) -> Any:
        """A copy of a JSON value without what messages quote of the contents that are removed."""
        if isinstance(value, dict):
            return {key: self._without_quoted(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._without_quoted(item) for item in value]
        if not isinstance(value, str):
            return value
        text, count = _QUOTED.subn(rf"\g<kept>{REMOVED}", value)
        if count:
            self.removed["values of Configs that messages quote"] += count
        return text

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
        """Take out variables, headers, copies in annotations, and certificates."""
        if isinstance(value, list):
            for item in value:
                self._walk(item)
        if not isinstance(value, dict):
            return
        self._remove_values(value.get("env"), "values of variables (env)")
        self._remove_values(value.get("httpHeaders"), "values of headers (httpHeaders)")
        if isinstance(value.get("annotations"), dict):
            value["annotations"] = dict(self._annotations(value["annotations"]))
        if "caBundle" in value:
            value["caBundle"] = REMOVED
        for item in value.values():
            self._walk(item)

    def _remove_values(self, pairs: Any, what: str) -> None:
        for pair in pairs if isinstance(pairs, list) else ():
            if isinstance(pair, dict) and "value" in pair:
                pair["value"] = REMOVED
                self.removed[what] += 1

    def _annotations(self, annotations: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in annotations.items():
            text = str(value)
            is_copy = len(text) > _LONGEST_ANNOTATION or text.lstrip().startswith(("{", "["))
            if key == _LAST_APPLIED or (is_copy and not key.startswith(_OURS)):
                self.removed[f"annotation {key}"] += 1
            else:
                yield key, value
