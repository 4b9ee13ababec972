"""What rules may use besides the fields of libsinsp: what plugins and static fields define."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.text.messages import shown

if TYPE_CHECKING:
    from resources.conditions.vocabulary import Vocabulary

SYSCALL = "syscall"
_STATIC = "static."


class Environment(NamedTuple):
    """The fields and sources of a Falco.

    `prefixes` are what the fields of its plugins start with, `sources` its sources of events.
    `is_open`: a plugin is loaded of which nothing is known, so it may define any field and source.
    `static_fields` are names from the configuration, None if they are unknown.
    `advice` says, by prefix, which plugin has such fields.
    """

    vocabulary: Vocabulary
    prefixes: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset({SYSCALL})
    is_open: bool = False
    static_fields: frozenset[str] | None = frozenset()
    advice: tuple[tuple[str, str], ...] = ()

    def has_source(self, source: str) -> bool:
        """Whether events of this source may come."""
        return self.is_open or not self.vocabulary.is_known or source in self.sources

    def has_field(self, name: str) -> bool:
        """Whether a field that is not of libsinsp may be there."""
        if self.is_open or not self.vocabulary.is_known or name.startswith(self.prefixes):
            return True
        if not name.startswith(_STATIC):
            return False
        return self.static_fields is None or name.removeprefix(_STATIC) in self.static_fields

    def has_event(self, name: str) -> bool:
        """Whether a type of events that is not of libsinsp may be there; plugins define some."""
        del name
        return self.is_open or not self.vocabulary.is_known or bool(self.prefixes)

    def missing_field(self, name: str) -> str:
        """That there is no such field, and which plugin has it."""
        plugin = next((plugin for start, plugin in self.advice if name.startswith(start)), "")
        hint = f" without the plugin {plugin}" if plugin else ""
        return f"there is no field {shown(name)}{hint}"
