"""Which kinds the operator watches: its watchers and its ClusterRole go by the same list."""

from resources.parent import CHILD_KINDS
from resources.references import ARTIFACTS

INSTANCES = ("Falco", "Component")
"""Each has an actor for every resource of the kind."""

WATCHED = (*INSTANCES, *ARTIFACTS, *CHILD_KINDS)
"""In the order in which their watches are opened."""
