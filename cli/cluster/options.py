"""The options that every command with a cluster has, called as kubectl calls them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from resources.kubernetes.names import OF_NAMESPACE, is_namespace
from resources.text.duration import seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_NAMESPACE = "default"
"""Where what names no namespace is, unless the context names one."""

P = ParamSpec("P")
R = TypeVar("R")

_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_TIME = re.compile(r"(?:[0-9]{1,6}(?:\.[0-9]{1,6})?(?:ms|s|m|h))+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """Which cluster and namespace are meant.

    `namespace` is empty for that of the context. `request_timeout` is in seconds, 0 for the
    transport's own.
    """

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    all_namespaces: bool = False
    request_timeout: float = 0.0

    @property
    def is_given(self) -> bool:
        """Whether a flag names a cluster or a part of it."""
        return self.all_namespaces or any((self.namespace, self.context, self.kubeconfig))


class Duration(click.ParamType[float]):
    """A time as kubectl takes it: `90`, `90s`, `1m30s` or `500ms`; a number of seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds."""
        if isinstance(value, int | float):
            return float(value)
        text = str(value)
        if _NUMBER.fullmatch(text):
            return float(text)
        if _TIME.fullmatch(text) is None:
            self.fail(f"{value!r} is no time: numbers with ms, s, m or h", param, ctx)
        return seconds_of(text)


class NamespaceName(click.ParamType[str]):
    """The name of a namespace; empty for none."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The same."""
        text = str(value)
        if text and not is_namespace(text):
            self.fail(f"{text!r} is no namespace: {OF_NAMESPACE}", param, ctx)
        return text


def cluster_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the parameter `access`."""

    @click.option(
        "-n",
        "--namespace",
        type=NamespaceName(),
        default="",
        help="The namespace; by default the context's.",
    )
    @click.option("-A", "--all-namespaces", is_flag=True, help="All namespaces.")
    @click.option("--context", default="", help="The context of the kubeconfig.")
    @click.option(
        "--kubeconfig", default="", metavar="FILE", help="By default as kubectl finds it."
    )
    @click.option(
        "--request-timeout",
        type=Duration(),
        default="0",
        help="How long one request may take, such as 30s.",
    )
    @wraps(command)
    def with_access(
        *args: Any,
        namespace: str,
        all_namespaces: bool,
        context: str,
        kubeconfig: str,
        request_timeout: float,
        **kwargs: Any,
    ) -> R:
        access = Access(kubeconfig, context, namespace, all_namespaces, request_timeout)
        return command(*args, access=access, **kwargs)

    return with_access


def output_option(*others: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a command the parameter `output`: table, json or yaml, or one of `others`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml", *others]),
        default="table",
        show_default=True,
        help="How the answer is written; JSON and YAML hold all of it.",
    )
