"""What a Falco says of itself over HTTP.

Falco is privileged and parses hostile events, so its answers are taken for hostile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from resources.rules.versions import FalcoVersions

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


# A version of Falco, of which one that is built from a branch has a suffix.
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}[0-9A-Za-z.+~-]{0,64}", re.ASCII)


class UnreadableAnswer(ValueError):  # noqa: N818 - it describes the answer, not a failure of ours
    """An answer is not in the form that Falco gives."""


class FalcoAnswer(NamedTuple):
    """What Falco has loaded: rules files by base name, with the SHA-256 of their content."""

    rules: Mapping[str, str]
    reloaded_at: int
    """When Falco has read its configuration last, in nanoseconds since the epoch; 0: not said."""
    versions: FalcoVersions = FalcoVersions()
    """Each is empty if Falco does not say it."""


class _Versions(msgspec.Struct):
    falco_version: str = ""
    engine_version_semver: str = ""
    plugin_api_version: str = ""


_versions = msgspec.json.Decoder(_Versions)


def said(versions: FalcoVersions | None) -> FalcoVersions:
    """The versions without what is none: no text of somebody else's gets into a message."""
    texts = msgspec.structs.astuple(versions or FalcoVersions())
    return FalcoVersions(*(text if _VERSION.fullmatch(text) else "" for text in texts))


def latest(before: FalcoVersions, after: FalcoVersions) -> FalcoVersions:
    """The versions after, each in place of what was known before, if it is known."""
    return FalcoVersions(
        after.falco or before.falco,
        after.engine or before.engine,
        after.plugin_api or before.plugin_api,
    )


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
    words = FalcoVersions(told.falco_version, told.engine_version_semver, told.plugin_api_version)
    return FalcoAnswer(rules, max(times, default=0), said(words))
