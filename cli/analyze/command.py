"""The commands `analyze` and `render`."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from cli.analyze import findings as codes
from cli.analyze.contents import Contents
from cli.analyze.files import files_option, optional_files_option, read_files
from cli.cluster.options import cluster_options
from cli.failure import COULD_NOT_TELL, FINE, FOUND, Failure
from cli.output.items import unread_item
from cli.output.lists import as_list
from cli.output.severity import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.analyze.findings import Finding
    from cli.cluster.options import Access
    from cli.cluster.snapshot import Unread

_SEVERITIES = {severity.word: severity for severity in Severity}


@click.command()
@optional_files_option
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml", "sarif", "github"]),
    default="text",
    show_default=True,
    help="How findings are written: sarif and github for the annotations of code hosts.",
)
@click.option(
    "--failure-threshold",
    type=click.Choice([*_SEVERITIES, "none"]),
    default="error",
    show_default=True,
    help="The least severity for which the command ends with 1.",
)
@click.option(
    "--suppress",
    multiple=True,
    metavar="CODE",
    help="A code of which nothing is told, such as FAL0302; may be repeated.",
)
@click.option(
    "--falco-version",
    default="",
    metavar="VERSION",
    help="The release that is to load it; by default those of the Falcos in the files.",
)
def analyze(
    paths: tuple[str, ...],
    access: Access,
    output: str,
    failure_threshold: str,
    suppress: tuple[str, ...],
    falco_version: str,
) -> None:
    """Tell what Falco would refuse or misunderstand, of files, of a cluster, or of both.

    With -n, -A or --context, the resources of the cluster; with -f as well, those of the files over
    those of the cluster, as if they were applied. Without these no cluster is needed.

    Takes manifests of Rulesfiles, Plugins, Configs, ConfigMaps, Falcos and Components, rules files,
    and parts of falco.yaml (called falco.yaml, or in a directory config.d), and checks all of a
    namespace together, as its nodes would. Every code is explained in docs/cli.md.

    Ends with 0 if all is well, 1 if there are findings, 2 if a file or the cluster could not be
    read. What you may not read of the cluster is said, and is no error while you may read some of
    its artifacts.
    """
    _require_codes(suppress)
    _require_release(falco_version)
    from cli.analyze.analysis import analyzed  # noqa: PLC0415 - not for --help

    contents, unread = _contents(paths, access)
    untold = [str(one) for one in unread]
    found = [one for one in analyzed(contents, falco_version) if one.code.name not in suppress]
    if output in ("json", "yaml"):
        items = [*codes.as_items(found), *map(unread_item, untold)]
        click.echo(as_list("Analysis", items, output, checked=contents.checked), nl=False)
    else:
        click.echo(_written(found, output), nl=False)
    for one in untold:
        click.echo(one, err=True)
    if output == "text":
        click.echo(_summary(found, contents.checked, is_whole=not unread), err=True)
    least = _SEVERITIES.get(failure_threshold, len(Severity))
    if any(one.code.severity >= least for one in found):
        sys.exit(FOUND)
    sys.exit(COULD_NOT_TELL if _is_blind(unread) else FINE)


@click.command()
@files_option
@click.option("--sidecar-image", default="", help="The image of the sidecar, as the operator has.")
def render(paths: tuple[str, ...], sidecar_image: str) -> None:
    """Write all objects that the operator would make of Falcos and Components, as YAML.

    Only the API server gives uids: that of the owner is zeros here.
    """
    from cli.analyze.rendering import NothingToRender, rendered  # noqa: PLC0415 - not for --help

    contents = Contents()
    for file, text in read_files(paths):
        contents.add(file, text)
    for one in contents.findings:
        raise Failure(f"{one.file}:{one.line}: {one.text}")
    try:
        click.echo(rendered(contents.instances, sidecar_image), nl=False)
    except NothingToRender as error:
        raise Failure(str(error)) from error


def _contents(paths: tuple[str, ...], access: Access) -> tuple[Contents, list[Unread]]:
    """Everything to analyze, and what could not be read of the cluster."""
    if access.is_given:
        from cli.analyze.in_cluster import contents_of  # noqa: PLC0415 - not without a cluster

        return asyncio.run(contents_of(access, read_files(paths)))
    if not paths:
        raise Failure("nothing is given: -f for files; -n, -A or --context for a cluster")
    contents = Contents()
    for file, text in read_files(paths):
        contents.add(file, text)
    return contents, []


def _require_codes(names: Iterable[str]) -> None:
    known = [code.name for code in codes.CODES]
    for name in names:
        if name not in known:
            raise Failure(f"{name} is no code; there are {', '.join(known)}")


def _require_release(falco_version: str) -> None:
    """Raise Failure for what tells no release: nothing that depends on it would be checked."""
    from resources.rules.versions import release  # noqa: PLC0415 - not for --help

    if falco_version and release(falco_version) is None:
        raise Failure(f"--falco-version {falco_version!r} is no release, such as 0.44.1")


def _written(found: list[Finding], output: str) -> str:
    match output:
        case "sarif":
            return codes.as_sarif(found, version("falco-operator"))
        case "github":
            return codes.as_github(found)
    return codes.as_text(found)


def _summary(found: list[Finding], checked: int, *, is_whole: bool) -> str:
    well = "all is well" if checked else "nothing of Falco's is there"
    if not is_whole:
        well = "nothing is wrong with what could be read"
    return f"{checked} checked: {codes.counted(found) or well}"


def _is_blind(unread: Iterable[Unread]) -> bool:
    """Whether no artifact of the cluster could be read."""
    from resources.kubernetes.kinds import ARTIFACTS  # noqa: PLC0415 - not for --help

    return {one.kind for one in unread} >= set(ARTIFACTS)
