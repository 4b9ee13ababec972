"""Which kinds the operator watches: its watchers and its ClusterRole go by the same list."""

from resources.parent import CHILD_KINDS
from resources.references import ARTIFACTS

INSTANCES = ("Falco", "Component")
"""Each runs a workload."""

RESOURCES = (*INSTANCES, *ARTIFACTS)
"""Each has an actor for every resource of the kind."""

OBSERVED = ("NodeReport", "Pod", "Node")
"""What tells how far artifacts have come."""

WATCHED = (*RESOURCES, *CHILD_KINDS, *OBSERVED)
"""In the order in which their watches are opened."""
