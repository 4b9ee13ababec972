"""What a custom resource is called and how kubectl shows it, as data next to its type."""

from typing import Any

import msgspec

from resources.kubernetes.kinds import KINDS

LIST_MAP_BY_TYPE = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
ATOMIC_LIST = {"x-kubernetes-list-type": "atomic"}


class ValidationRule(msgspec.Struct, frozen=True):
    """A CEL rule of the CRD; `self` is the value that carries it, `path` the field to blame."""

    expression: str
    message: str
    path: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A printer column: what `kubectl get` shows under `name`."""

    name: str
    path: str
    description: str
    type: str = "string"


class ResourceDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One custom resource kind: its type in Python, and how the API server presents it."""

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
        """The one version of the API that serves the kind."""
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
    """Describe a field and constrain it in the CRD only.

    Decoding stays total on purpose: the API server refuses bad values, and an object that was
    stored under an older CRD must not break the list that it comes in.
    """
    if rules:
        schema["x-kubernetes-validations"] = validations(rules)
    return msgspec.Meta(description=description, extra_json_schema=schema)


def validations(rules: tuple[ValidationRule, ...]) -> list[dict[str, str]]:
    """Return the rules as a schema holds them."""
    return [
        {"rule": rule.expression, "message": rule.message}
        | ({"fieldPath": rule.path} if rule.path else {})
        for rule in rules
    ]


AGE = Column("Age", ".metadata.creationTimestamp", "Time since creation.", "date")


def condition_column(condition: str) -> Column:
    """Show the status of a condition under its own name."""
    path = f'.status.conditions[?(@.type=="{condition}")].status'
    return Column(condition, path, f"Status of the condition {condition}.")


# Falco and Component name a Service after themselves, which takes a DNS-1035 label only.
SERVICE_NAME_RULES = tuple(
    ValidationRule(expression, f"{demand}: it names a Service", ".metadata.name")
    for expression, demand in (
        ("size(self.metadata.name) <= 63", "must have at most 63 characters"),
        ("!self.metadata.name.contains('.')", "must not contain a dot"),
        ("self.metadata.name.matches('^[a-z]')", "must start with a letter"),
    )
)
