"""Findings, and what could not be read, as items of a List: one form for all commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.output.severity import link_to

if TYPE_CHECKING:
    from cli.output.severity import Severity


def finding_item(
    code: str,
    severity: Severity,
    title: str,
    *,
    about: str = "",
    message: str,
    hint: str = "",
    **more: Any,
) -> dict[str, Any]:
    """A finding; `about` is the object at fault, `more` what only one command knows.

    docs/cli.md explains the keys.
    """
    return {
        "kind": "Finding",
        "code": code,
        "severity": severity.word,
        "title": title,
        "object": about,
        "message": message,
        "hint": hint,
        "docs": link_to(code),
        **more,
    }


def unread_item(text: str) -> dict[str, Any]:
    """A sentence about what could not be read."""
    return {"kind": "Unread", "text": text}
