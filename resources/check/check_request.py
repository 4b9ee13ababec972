"""What the check of a node is asked, and what it answers.

    CheckRequest: slots, each with the version that is wanted and the version that is installed
        → resources.check.verdict.check → Verdict: which of the two, and why

The check runs in a child process, so both are JSON, in which a slot id is text.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from resources.artifact.fields import Validation
from resources.check.needs import Needs


class PluginFact(msgspec.Struct, frozen=True):
    """What is known of a plugin.

    `name` is that of its entry in falco.yaml, `version` is empty if unknown. `library_path` is
    the entry's; empty means the place of its own slot. `present`: the library is installed or can
    be. `init_config` is that of the entry as JSON, empty for none.
    """

    name: str
    version: str = ""
    library_path: str = ""
    present: bool = True
    init_config: str = ""


class CheckedVersion(msgspec.Struct, frozen=True):
    """One version of a slot: the path of its content, and what is known of a plugin.

    Equal ones have equal content. A plugin may have no content of its own, and has an `entry`, a
    PluginEntry as JSON.
    """

    path: str = ""
    plugin: PluginFact | None = None
    entry: str = ""


class CheckedSlot(msgspec.Struct, frozen=True):
    """A slot as the check sees it; Falco loads the files of a directory in the order of `file`.

    `kind` is "rules", "config" or "plugin". `wanted` None asks for the removal, which always
    happens; `good` is the installed version, None for none. `loaded` is the version that Falco has
    loaded last, if that is another one. `stays`: Falco loads the file whatever is decided, for a
    user mounted it. `validation` holds for all versions.
    """

    id: str
    kind: str
    file: str
    wanted: CheckedVersion | None = None
    good: CheckedVersion | None = None
    loaded: CheckedVersion | None = None
    stays: bool = False
    validation: Validation = Validation.ENFORCE


class Context(msgspec.Struct, frozen=True):
    """The Falco of the node; an empty version is unknown, and nothing is checked against it.

    `falco_version` is that of its image, after which its base configuration was made.
    `says_version` is what Falco itself says, if it has run. `foreign_libraries` are files in the
    directory of plugins that belong to no slot.
    """

    engine_version: str = ""
    falco_version: str = ""
    workload: Literal["DaemonSet", "Deployment"] = "DaemonSet"
    foreign_libraries: tuple[str, ...] = ()
    says_version: str = ""


class FalcoProgram(msgspec.Struct, frozen=True):
    """The pod's Falco, for dry runs: a directory laid out as its image, and the volumes' root.

    `base` is the path of its falco.yaml. `variables` are those of its environment that are known.
    Dry runs may take `seconds` in all. `is_whole`: Falco has no libraries beside those of the
    image and of its volumes.
    """

    image: str
    root: str
    base: str
    variables: dict[str, str]
    seconds: float
    is_whole: bool = False


class CheckRequest(msgspec.Struct, frozen=True):
    """A whole node; the files that its slots name must not change during the check."""

    slots: tuple[CheckedSlot, ...]
    context: Context
    falco: FalcoProgram | None = None


class WebServer(msgspec.Struct, frozen=True):
    """The web server of Falco's merged configuration."""

    enabled: bool = True
    port: int = 8765
    tls: bool = False
    metrics: bool = True
    """Whether it serves `/metrics`."""
    is_local: bool = True
    """Whether it listens on the loopback address of the pod."""


Choice: TypeAlias = Literal["wanted", "loaded", "good", "none"]


class Disagreements(msgspec.Struct, frozen=True):
    """Ids of slots that Falco takes and our own check does not, and the other way round."""

    falco_takes: tuple[str, ...] = ()
    falco_refuses: tuple[str, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """By slot id: the version to install, why it is not the wanted one, and warnings.

    `overruled` are findings of what is installed all the same, as its artifact says.
    `unasked` says why Falco itself was not asked, or gave no answer; empty if it judged. `broken`:
    it will give none however often it is asked. `dry_runs` is how often Falco was run for it.
    `needs` are those of rules, by path of the content; `plugins` are the names of those that Falco
    loads with the chosen versions.
    """

    chosen: dict[str, Choice] = {}
    problems: dict[str, tuple[str, ...]] = {}
    warnings: dict[str, tuple[str, ...]] = {}
    overruled: dict[str, tuple[str, ...]] = {}
    web_server: WebServer = WebServer()
    disagreements: Disagreements | None = None
    unasked: str = ""
    broken: bool = False
    dry_runs: int = 0
    needs: dict[str, Needs] = {}
    plugins: tuple[str, ...] = ()
