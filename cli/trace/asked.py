"""Whose actors are asked about, and the options that say so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.cluster.operators import NAMESPACE
from cli.cluster.options import DEFAULT_NAMESPACE, Access, NamespaceName, cluster_options

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Asked:
    """The operator that leads, or a sidecar by its pod or node, or a server by its URL.

    Of what is empty nothing is asked.
    """

    access: Access
    operator_namespace: str = NAMESPACE
    server: str = ""
    pod: str = ""
    node: str = ""


def asked_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the parameter `asked`."""

    @cluster_options
    @click.option("--pod", default="", help="Ask the sidecar of this Falco pod.")
    @click.option("--node", default="", help="Ask the sidecar of the Falco pod on this node.")
    @click.option(
        "--operator-namespace",
        type=NamespaceName(),
        default=NAMESPACE,
        show_default=True,
        metavar="NAMESPACE",
        help="Where the operator runs; if it does not, it is looked for.",
    )
    @click.option(
        "--server",
        default="",
        metavar="URL",
        help="Ask a process that is in no pod, such as http://127.0.0.1:8082.",
    )
    @wraps(command)
    def with_asked(
        *args: Any,
        access: Access,
        pod: str,
        node: str,
        operator_namespace: str,
        server: str,
        **kwargs: Any,
    ) -> R:
        if bool(pod) + bool(node) + bool(server) > 1:
            raise click.UsageError("--pod, --node and --server exclude each other")
        if server and not server.startswith(("http://", "https://")):
            raise click.UsageError(f"--server {server!r} is no URL, such as http://127.0.0.1:8082")
        asked = Asked(access, operator_namespace, server, pod, node)
        return command(*args, asked=asked, **kwargs)

    return with_asked


async def namespace_of(asked: Asked) -> str:
    """The namespace that is meant: of the option, else of the context; empty for all."""
    access = asked.access
    if access.all_namespaces:
        return ""
    if access.namespace or asked.server:
        return access.namespace or DEFAULT_NAMESPACE
    from cli.cluster.connection import connected  # noqa: PLC0415 - only here

    async with connected(access) as connection:
        return connection.namespace
