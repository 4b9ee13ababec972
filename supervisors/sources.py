"""What the operator watches, and what of that its actors have to know before they act."""

from __future__ import annotations

from actors.api.client import METADATA
from actors.watch.router import Needs
from actors.watch.source import Source
from resources.artifact.references import FINALIZERS
from resources.instance.labels import MANAGED_BY, OPERATOR, OWNER_KIND
from resources.kubernetes.kinds import ARTIFACTS, CHILD_KINDS, RESOURCES

_CHILDREN = f"{MANAGED_BY}={OPERATOR}"
# The status of artifacts counts pods that are scheduled and not finished.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed,spec.nodeName!="
SOURCES = (
    *map(Source, RESOURCES),
    *(Source(kind, _CHILDREN) for kind in CHILD_KINDS),
    Source("NodeReport"),
    Source("Pod", f"{OWNER_KIND}=Falco", representation=METADATA, field_selector=_RUNNING),
    Source("Node", representation=METADATA),
)
"""The watches beside those of referenced Secrets and ConfigMaps."""

# A Falco's Role names what the artifacts refer to; nothing of a kind is cleaned up while it is not
# known what there is of that kind.
_CHILDREN_OF, _PLACES = frozenset(CHILD_KINDS), frozenset({"Pod", "Node"})
NEEDS = {
    "Falco": Needs(_CHILDREN_OF | {"Falco"}, frozenset(ARTIFACTS)),
    "Component": Needs(_CHILDREN_OF | {"Component"}),
    **{kind: Needs(_PLACES | {kind}, frozenset({"NodeReport"})) for kind in ARTIFACTS},
    **dict.fromkeys(FINALIZERS, Needs(frozenset(), frozenset(ARTIFACTS))),
}
"""The kinds that the actors of a kind have to know."""
