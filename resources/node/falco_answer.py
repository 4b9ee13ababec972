"""What a Falco says of itself over HTTP.

Falco is privileged and parses hostile events, so its answers are taken for hostile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

# Falco's metrics (falco_metrics.cpp) in Prometheus' text format; of all others nothing is read.
# Whoever names a file with a quote in it has made a file that is not ours.
_RULES_FILE = re.compile(
    r"falcosecurity_falco_sha256_rules_files_info"
    r'\{file_name="([^"\\]{1,255})",sha256="([0-9a-f]{64})"\} '
)
_RELOADED = re.compile(
    r"falcosecurity_falco_reload_timestamp_nanoseconds(?:\{[^}]{0,999}\})? ([0-9]{1,19})(?![0-9.])"
)


class UnreadableAnswer(ValueError):  # noqa: N818 - it describes the answer, not a failure of ours
    """An answer is not in the form that Falco gives."""


class FalcoAnswer(NamedTuple):
    """What Falco has loaded: rules files by base name, with the SHA-256 of their content."""

    rules: Mapping[str, str]
    reloaded_at: int
    """When Falco has read its configuration last, in nanoseconds since the epoch; 0: not said."""
    engine: str = ""
    """The version of the rule engine, as 0.62.0; empty if Falco does not say it."""


class _Versions(msgspec.Struct):
    engine_version_semver: str = ""


_versions = msgspec.json.Decoder(_Versions)


def falco_answer(metrics: str, versions: bytes) -> FalcoAnswer:
    """Read what `/metrics` and `/versions` have answered.

    Raises:
        UnreadableAnswer: `/versions` is not of the form that Falco gives.
    """
    lines = metrics.splitlines()
    rules = {found[1]: found[2] for line in lines if (found := _RULES_FILE.match(line))}
    times = [int(found[1]) for line in lines if (found := _RELOADED.match(line))]
    try:
        told = _versions.decode(versions)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableAnswer(f"/versions cannot be read: {error}") from error
    return FalcoAnswer(rules, max(times, default=0), told.engine_version_semver)
