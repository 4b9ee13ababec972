"""The page of the actors: files that a browser shows, and the JSON that only they ask for."""

from __future__ import annotations

import asyncio
import hashlib
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from resources.kubernetes.kinds import KINDS
from supervisors.debug.description import bounded
from supervisors.debug.members import parts, state_of
from supervisors.debug.table import VERSION, Table
from supervisors.serving.connection import plain, reply
from supervisors.tree.dynamic import DynamicSupervisor
from supervisors.tree.stopping import Superior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiohttp.web_response import Response

    from actors.runtime.context import Runtime
    from supervisors.debug.entries import Selection
    from supervisors.debug.facts import Section

ROOT = "/debug/"
PROCESS = "/debug/process"
TABLE = "/debug/table"
PART = "/debug/part"
_FILES = Path(__file__).with_name("web")
_NAME = re.compile(r"/debug/(?P<name>[a-z]+\.(?:css|js)|)", re.ASCII)
_TYPES = {".html": "html", ".css": "css", ".js": "javascript"}
# Nothing from elsewhere, nothing inline, and no text becomes HTML or a script. A page on another
# site cannot show this one in a frame. window.open is not restricted.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Page:
    """The content of `/debug/`, its files, `/debug/process`, `/debug/table` and `/debug/part`.

    `sections` are the facts that are shown of the process, `waits_for` says why it is not ready.
    A handler that has run for `hangs` seconds hangs.
    """

    def __init__(
        self,
        runtime: Runtime,
        program: str,
        roots: Callable[[], Sequence[Superior]],
        waits_for: Callable[[], str | None],
        sections: Iterable[Section],
        hangs: float,
    ) -> None:
        self._runtime = runtime
        self._program = program
        self._roots = roots
        self._waits_for = waits_for
        self._sections = tuple(sections)
        self._hangs = hangs
        self._table = Table(runtime, roots)
        self._reading = asyncio.Lock()

    async def file(self, path: str) -> Response | None:
        """The file of the page at this path, read from disk; None if there is none."""
        if path in {"/", ROOT[:-1]}:
            response = plain(HTTPStatus.TEMPORARY_REDIRECT)
            response.headers["Location"] = ROOT
            return response
        match = _NAME.fullmatch(path)
        if match is None:
            return None
        name = match["name"] or "index.html"
        try:
            content = await asyncio.to_thread((_FILES / name).read_bytes)
        except FileNotFoundError:
            return None
        response = reply(content, f"text/{_TYPES[Path(name).suffix]}; charset=utf-8")
        response.headers.update(
            {
                "Content-Security-Policy": _POLICY,
                "Cross-Origin-Resource-Policy": "same-origin",
                "Referrer-Policy": "no-referrer",
                "X-Frame-Options": "DENY",
            }
        )
        return response

    async def table(self, wanted: Selection, after: str) -> bytes:
        """The rows of all actors that may have changed since an answer gave this `after`."""
        async with self._reading:  # one at a time, for each takes the loop's time
            return await self._table.read(wanted, after)

    def part(self, under: str, name: str) -> dict[str, Any] | None:
        """The part with this name under this supervisor; None if it has no actor, or is one."""
        for _, superior, member in parts(self._roots()):
            if (superior.name, member.name) == (under, name):
                actor = member.actor
                if actor is None or isinstance(actor, Superior):
                    return None
                return {"version": VERSION, "name": name, "actor": actor.describe}
        return None

    def process(self) -> bytes:
        """What the process tells of itself, its supervisors and its parts."""
        return msgspec.json.encode(
            {
                "version": VERSION,
                "program": self._program,
                "process": self._runtime.numbers.process,
                "waits_for": self._waits_for(),
                "hangs": self._hangs * 1000,
                "sections": [*self._told()],
                "tree": [*_tree(self._roots())],
                "resources": _RESOURCES,
            },
            enc_hook=str,
        )

    def _told(self) -> Iterator[dict[str, Any]]:
        for section in self._sections:
            if content := bounded(section.read):
                yield {"name": section.name, "content": content}


_RESOURCES = {
    name: f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    for name, kind in KINDS.items()
}


def _tree(roots: Iterable[Superior]) -> Iterator[dict[str, Any]]:
    """The supervisors and the parts, each below the supervisor that it is under."""
    for root in roots:
        yield {"name": root.name, "depth": 0, "kind": root.kind, "state": root.phase}
        for depth, superior, member in parts((root,)):
            actor = member.actor
            part = {
                "name": member.name,
                "under": superior.name,
                "depth": depth,
                "kind": actor.kind if actor is not None else "",
                "state": state_of(member),
                "restarts": member.restarts,
                "error": bounded(member.error),
            }
            if isinstance(actor, DynamicSupervisor):
                part |= {"actors": actor.alive, "parked": actor.parked}
            yield part


def tag_of(content: bytes) -> str:
    """The ETag of this content."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'
