"""The definition of a custom resource: its type, its CEL rules, and how kubectl shows it."""

from typing import Any

import msgspec

from resources.kubernetes.kinds import KINDS

LIST_MAP_BY_TYPE = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
ATOMIC_LIST = {"x-kubernetes-list-type": "atomic"}
ENFORCED = (
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "pattern",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-validations",
)
"""What of a schema the API server enforces."""


class ValidationRule(msgspec.Struct, frozen=True):
    """A CEL rule of the CRD.

    `self` in the expression is the value that the rule is attached to; `path` is the field that
    the API server names when the rule fails. `message_expression` makes a message of the value,
    instead of `message`, which is for API servers that fail to evaluate it.
    """

    expression: str
    message: str
    path: str | None = None
    message_expression: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A printer column: what `kubectl get` shows under `name`."""

    name: str
    path: str
    description: str
    type: str = "string"


class ResourceDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of custom resource: its Python type, and how the API server presents it."""

    type: type[msgspec.Struct]
    kind: str
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    rules: tuple[ValidationRule, ...] = ()
    has_status: bool = True

    @property
    def group(self) -> str:
        """The API group that serves the kind."""
        return KINDS[self.kind].group

    @property
    def version(self) -> str:
        """The only API version in which the kind is served."""
        return KINDS[self.kind].version

    @property
    def plural(self) -> str:
        """The name of the kind in URLs and in `kubectl get`."""
        return KINDS[self.kind].plural

    @property
    def singular(self) -> str:
        """The name of the kind in `kubectl explain`."""
        return self.kind.lower()

    @property
    def crd_name(self) -> str:
        """The name of the CustomResourceDefinition."""
        return f"{self.plural}.{self.group}"


def doc(description: str, *rules: ValidationRule, **schema: Any) -> msgspec.Meta:
    """The description of a field, and constraints that only the CRD enforces.

    Decoding accepts values that break the constraints, on purpose: the API server refuses such
    values, and one object that was stored under an older CRD must not make a whole list unreadable.
    """
    if rules:
        schema["x-kubernetes-validations"] = validations(rules)
    return msgspec.Meta(description=description, extra_json_schema=schema)


def validations(rules: tuple[ValidationRule, ...]) -> list[dict[str, str]]:
    """The rules as the value of `x-kubernetes-validations`."""
    return [
        {"rule": rule.expression, "message": rule.message}
        | ({"fieldPath": rule.path} if rule.path else {})
        | ({"messageExpression": rule.message_expression} if rule.message_expression else {})
        for rule in rules
    ]


AGE = Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date")


def condition_column(condition: str) -> Column:
    """A printer column that shows the status of a condition, under the name of the condition."""
    path = f'.status.conditions[?(@.type=="{condition}")].status'
    return Column(condition, path, f"Status of the condition {condition}.")


# The Service of a Falco or Component has its name, and a Service takes only a DNS-1035 label.
SERVICE_NAME_RULES = tuple(
    ValidationRule(expression, f"{demand}: it names a Service", ".metadata.name")
    for expression, demand in (
        ("size(self.metadata.name) <= 63", "must have at most 63 characters"),
        ("!self.metadata.name.contains('.')", "must not contain a dot"),
        ("self.metadata.name.matches('^[a-z]')", "must start with a letter"),
    )
)
