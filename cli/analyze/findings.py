"""What an analysis finds: its code, where it is, and how it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from cli.output.items import finding_item
from cli.output.printable import printable
from cli.output.severity import PAGE, Severity, link_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Code(NamedTuple):
    """A kind of finding; `name` never changes its meaning."""

    name: str
    severity: Severity
    title: str

    @property
    def link(self) -> str:
        """Where it is explained."""
        return link_to(self.name)


UNREADABLE = Code("FAL0001", Severity.ERROR, "The file cannot be read as YAML")
INVALID = Code("FAL0002", Severity.ERROR, "The resource is not valid")
DUPLICATE = Code("FAL0003", Severity.ERROR, "The resource is there twice")
RULES_REFUSED = Code("FAL0101", Severity.ERROR, "Falco would refuse the rules")
CONFIG_REFUSED = Code("FAL0102", Severity.ERROR, "Falco would refuse the configuration")
PLUGIN_REFUSED = Code("FAL0103", Severity.ERROR, "Falco would refuse the plugin")
RULES_DOUBTFUL = Code("FAL0201", Severity.WARNING, "Falco takes the rules, but not as meant")
CONFIG_DOUBTFUL = Code("FAL0202", Severity.WARNING, "Falco takes the settings, but not as meant")
PLUGIN_DOUBTFUL = Code("FAL0203", Severity.WARNING, "Falco takes the plugin, but not as meant")
INSTANCE_DOUBTFUL = Code("FAL0204", Severity.WARNING, "The pods will not be as meant")
NOT_TOLD = Code("FAL0301", Severity.WARNING, "It depends on what is not at hand")
NOT_AT_HAND = Code("FAL0302", Severity.INFO, "The content is not at hand")

CODES = (
    UNREADABLE,
    INVALID,
    DUPLICATE,
    RULES_REFUSED,
    CONFIG_REFUSED,
    PLUGIN_REFUSED,
    RULES_DOUBTFUL,
    CONFIG_DOUBTFUL,
    PLUGIN_DOUBTFUL,
    INSTANCE_DOUBTFUL,
    NOT_TOLD,
    NOT_AT_HAND,
)


class Finding(NamedTuple):
    """One finding; `line` counts from 1, `resource` is `Kind/namespace/name` or empty."""

    file: str
    line: int
    code: Code
    resource: str
    text: str


def counted(findings: Iterable[Finding]) -> str:
    """How many there are of each severity, such as `2 errors, 1 warning`; empty for none."""
    severities = [finding.code.severity for finding in findings]
    parts = []
    for severity in reversed(Severity):
        if count := severities.count(severity):
            plural = "" if count == 1 or severity is Severity.INFO else "s"
            parts.append(f"{count} {severity.word}{plural}")
    return ", ".join(parts)


def as_text(findings: Sequence[Finding]) -> str:
    """A line for each, as compilers write them."""
    return "".join(
        printable(
            f"{one.file}:{one.line}: {one.code.severity.word} {one.code.name}: "
            f"{one.resource + ': ' if one.resource else ''}{one.text}"
        )
        + "\n"
        for one in findings
    )


def as_items(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """All of them as items of a List."""
    return [
        finding_item(
            one.code.name,
            one.code.severity,
            one.code.title,
            about=one.resource,
            message=one.text,
            file=one.file,
            line=one.line,
        )
        for one in findings
    ]


def as_sarif(findings: Sequence[Finding], version: str) -> str:
    """SARIF 2.1.0 (OASIS), which code hosts show beside the lines; `version` is the program's."""
    levels = {Severity.INFO: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}
    rules = [
        {
            "id": code.name,
            "shortDescription": {"text": code.title},
            "helpUri": code.link,
            "defaultConfiguration": {"level": levels[code.severity]},
        }
        for code in CODES
    ]
    results = [
        {
            "ruleId": one.code.name,
            "ruleIndex": CODES.index(one.code),
            "level": levels[one.code.severity],
            "message": {"text": f"{one.resource}: {one.text}" if one.resource else one.text},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(one.file)},
                        "region": {"startLine": one.line},
                    }
                }
            ],
        }
        for one in findings
    ]
    driver = {"name": "kubectl-falco", "version": version, "informationUri": PAGE, "rules": rules}
    return _json(
        {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{"tool": {"driver": driver}, "results": results}],
        }
    )


def as_github(findings: Sequence[Finding]) -> str:
    """Workflow commands of GitHub Actions, which become annotations of the lines."""
    levels = {Severity.INFO: "notice", Severity.WARNING: "warning", Severity.ERROR: "error"}
    lines = []
    for one in findings:
        text = f"{one.resource}: {one.text}" if one.resource else one.text
        where = f"file={_property(one.file)},line={one.line},title={one.code.name}"
        lines.append(f"::{levels[one.code.severity]} {where}::{_message(text)}\n")
    return "".join(lines)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"
