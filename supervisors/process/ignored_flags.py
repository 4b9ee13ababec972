"""The flags of the Go operator that have no effect here, so that its manifests start."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_log = logging.getLogger(__name__)

_LOGS = "--log-level and --log-format say what is logged"
_WEBHOOK = "there is no webhook"
_FILES = "the files of --metrics-cert-path are tls.crt and tls.key"
# Flag → why it has no effect, or what to set instead. A switch needs no value.
_SWITCHES = {"--enable-http2": "all servers speak HTTP/1.1", "--zap-devel": _LOGS}
_VALUES = {
    "--metrics-cert-key": _FILES,
    "--metrics-cert-name": _FILES,
    "--webhook-cert-key": _WEBHOOK,
    "--webhook-cert-name": _WEBHOOK,
    "--webhook-cert-path": _WEBHOOK,
    "--zap-encoder": _LOGS,
    "--zap-log-level": _LOGS,
    "--zap-stacktrace-level": _LOGS,
    "--zap-time-encoding": _LOGS,
}
IGNORED = {**_SWITCHES, **_VALUES}


class _Remember(argparse.Action):
    """Adds the name of the flag to those that were given; its value is dropped."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature is argparse's
        namespace: argparse.Namespace,
        values: Any,  # noqa: ARG002
        option_string: str | None = None,
    ) -> None:
        given = dict.fromkeys((*getattr(namespace, self.dest), option_string))
        setattr(namespace, self.dest, tuple(given))


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Take these flags; `ignored_flags` of the result has the names of those that were given."""
    parser.set_defaults(ignored_flags=())
    for flag in IGNORED:
        parser.add_argument(
            flag,
            action=_Remember,
            dest="ignored_flags",
            nargs="?" if flag in _SWITCHES else None,
            default=(),
            help=argparse.SUPPRESS,
        )


def warn(given: Iterable[str]) -> None:
    """Log a warning for each flag that was given."""
    for flag in given:
        _log.warning("the flag %s has no effect: %s", flag, IGNORED[flag])
