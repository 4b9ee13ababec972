"""Nodes for tests: slots whose contents are given in place."""

from resources.check.check_request import CheckedSlot, CheckedVersion, Context, PluginFact
from resources.check.verdict import check

CONTEXT = Context(engine_version="0.62.0", falco_version="0.44.1")


class Node:
    """Slots by id; texts are kept where the check reads them."""

    def __init__(self, context=CONTEXT):
        self.context = context
        self.slots = {}
        self._files = {}

    def rules(self, file, wanted=None, good=None, loaded=None, **settings):
        return self._add("rules", file, wanted, good, loaded=loaded, **settings)

    def config(self, file, wanted=None, good=None, **settings):
        return self._add("config", file, wanted, good, **settings)

    def plugin(self, name, wanted=None, good=None, **settings):
        """A plugin, by its versions or by PluginFacts."""
        return self._add("plugin", f"{name}.so", wanted, good, **settings)

    def unchanged(self, kind, name, content):
        return getattr(self, kind)(name, content, content)

    def check(self):
        """The verdict; it does not depend on the order of the slots."""
        slots = list(self.slots.values())
        verdict = check(slots, self.context, self._files.__getitem__)
        assert check(slots[::-1], self.context, self._files.__getitem__) == verdict
        assert verdict.chosen.keys() == self.slots.keys()
        return verdict

    def settle(self, verdict):
        """What is chosen becomes what is installed, and is all that is wanted."""
        for name, slot in list(self.slots.items()):
            chosen = {"wanted": slot.wanted, "good": slot.good, "none": None}[verdict.chosen[name]]
            self.slots[name] = CheckedSlot(
                slot.id, slot.kind, slot.file, chosen, chosen, stays=slot.stays and bool(chosen)
            )

    def _add(self, kind, file, wanted, good, *, loaded=None, **settings):
        versions = [self._version(kind, file, content) for content in (wanted, good, loaded)]
        slot = CheckedSlot(f"{kind}/{file}", kind, file, *versions, **settings)
        self.slots[slot.id] = slot
        return slot.id

    def _version(self, kind, file, content):
        if content is None:
            return None
        if kind == "plugin":
            name = file.removesuffix(".so")
            fact = content if isinstance(content, PluginFact) else PluginFact(name, content)
            return CheckedVersion(plugin=fact)
        data = content if isinstance(content, bytes) else content.encode()
        path = f"{kind}:{data!r}"
        self._files[path] = data
        return CheckedVersion(path=path)


def macro(name, condition="proc.name = c"):
    return f"- macro: {name}\n  condition: {condition}\n"


def rule(name, condition="evt.type = open"):
    return f"- rule: {name}\n  condition: {condition}\n  desc: d\n  output: o\n  priority: INFO\n"


def needs_plugin(name, version):
    return f"- required_plugin_versions: [{{name: {name}, version: {version}}}]\n"
