"""What the specs of several artifacts have in common, and how kubectl shows it."""

from typing import Annotated

from resources.kubernetes.definition import AGE, Column, condition_column, doc
from resources.kubernetes.meta import LabelSelector

Priority = Annotated[
    int, doc("Higher is loaded later and wins.", format="int32", minimum=0, maximum=99)
]
Selector = Annotated[
    LabelSelector | None, doc("The nodes that get it, by their labels; absent means all.")
]

PRIORITY_COLUMN = Column(
    "Priority", ".spec.priority", "Higher is loaded later and wins.", "integer"
)
STATUS_COLUMNS = (
    condition_column("Programmed"),
    condition_column("ResolvedRefs"),
    Column("Nodes", ".status.nodes.summary", "Programmed and desired pods."),
    AGE,
)
