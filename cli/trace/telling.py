"""The answers of `trace` and `actors`: asked for, and written as text, JSON or YAML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.failure import Failure
from cli.output.lists import as_list
from cli.output.printable import all_printable
from cli.output.style import Style, styled
from cli.output.table import table
from cli.trace.asked import namespace_of
from cli.trace.debug_client import debug_client
from cli.trace.rows import COLUMNS, row
from cli.trace.story import Chapter, chapters, sentences, summary
from cli.trace.words import span
from resources.kubernetes.kinds import KINDS
from supervisors.debug.entries import Selection, entries
from supervisors.debug.server import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cli.trace.asked import Asked
    from cli.trace.debug_client import DebugClient

_ACTORS, _TRACE = "/debug/actors", "/debug/trace"
_KINDS = {name: kind for kind in KINDS for name in (kind.lower(), KINDS[kind].plural)}


async def one_actor(words: Sequence[str], asked: Asked, output: str, last: int) -> str:
    """The trace of an actor; raises Failure if there is none."""
    async with debug_client(asked) as client:
        entry = await _entry(words, asked, client)
        who = client.who
    now = datetime.now(UTC)
    entry = entry if output != "table" else all_printable(entry)
    told = chapters(_trace_of(entry))
    if output != "table":
        items = [{**chapter.message, "story": [*sentences(chapter)]} for chapter in told]
        actor = _without_trace(entry.get("actor") or {})
        more = {"from": who, "object": _name(entry), "summary": summary(told)}
        waits = {
            name: _without_trace(entry[name]) for name in ("waits", "error") if entry.get(name)
        }
        return as_list("Message", items, output, **more, actor=actor, **waits)
    lines = [*_head(entry, who, told), *_body(told[-last:], now)]
    return "".join(f"{line}\n" for line in lines)


async def timeline(words: Sequence[str], asked: Asked) -> bytes:
    """The timeline of an actor, as Perfetto opens it; raises Failure if there is none."""
    async with debug_client(asked) as client:
        entry = await _entry(words, asked, client)
        kind, namespace, name = _parts(entry, words)
        query = {"kind": kind, "namespace": namespace, "name": name}
        content = await client.get(_TRACE, query)
    if content is None:
        raise Failure(f"{client.who} has no timeline: it is of another version")
    return content


async def all_actors(asked: Asked, filters: Mapping[str, str], output: str) -> str:
    """The actors that have all of these, as a table or a List."""
    kind = _KINDS.get(filters["kind"].lower(), filters["kind"])
    namespace = await namespace_of(asked)
    query = {**filters, "kind": kind, "namespace": namespace}
    async with debug_client(asked) as client:
        answer = await _all(client, query)
    omitted = answer.get("omitted", 0)
    # Without any filter the answer is the tree.
    found = answer["actors"] if "actors" in answer else list(entries(answer, Selection()))
    if output != "table":
        return as_list("Actor", found, output, omitted=omitted)
    now = datetime.now(UTC)
    text = table(COLUMNS, (row(all_printable(entry), now) for entry in found))
    if omitted:
        text += f"and {omitted} more\n"
    return text or f"No such actors{f' in namespace {namespace}' if namespace else ''}.\n"


async def _entry(words: Sequence[str], asked: Asked, client: DebugClient) -> dict[str, Any]:
    match [word for word in words if word]:
        case [kind, name]:
            known = _kind(kind)
            namespace = await namespace_of(asked) or "default"
            entry = await client.json(f"{_ACTORS}/{known}/{namespace}/{name}")
        case [kind, namespace, name]:
            known = _kind(kind)
            entry = await client.json(f"{_ACTORS}/{known}/{namespace}/{name}")
        case [part]:
            return await _part(part, client)
        case _:
            raise Failure("say which actor: KIND/NAME, KIND NAME, or the name of a part")
    if entry is None:
        raise Failure(
            f"{client.who} has no actor for {known} {namespace}/{name}: it does not exist there, "
            "or nothing was to be done for it"
        )
    found: dict[str, Any] = entry
    if not any(name in found for name in ("actor", "waits", "error")):
        raise Failure(f"{client.who} does not tell of actors, or is of another version")
    return found


async def _all(client: DebugClient, query: Mapping[str, str]) -> dict[str, Any]:
    """The tree of actors, or with a query a list; raises Failure if there is none."""
    answer: dict[str, Any] = await client.json(_ACTORS, query) or {}
    if answer.get("version") != VERSION:
        raise Failure(f"{client.who} does not tell of actors, or is of another version")
    return answer


async def _part(part: str, client: DebugClient) -> dict[str, Any]:
    """The entry of a part of the process, by its name or kind."""
    wanted = part.lower()
    tree = await _all(client, {})
    for entry in entries(tree, Selection()):
        names = {entry.get("name", ""), entry["actor"].get("kind", "")}
        if "object" not in entry and wanted in {str(name).lower() for name in names}:
            return entry
    raise Failure(f"{client.who} has no part {part}, and a resource is named KIND/NAME")


def _kind(text: str) -> str:
    if text.lower() not in _KINDS:
        raise Failure(f"{text!r} is no kind that has actors, such as falco or rulesfile")
    return _KINDS[text.lower()]


def _parts(entry: Mapping[str, Any], words: Sequence[str]) -> tuple[str, str, str]:
    parts = str(entry.get("object", "")).split("/")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    return str((entry.get("actor") or {}).get("kind", words[0])), "", ""


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry.get("object") or entry.get("name", ""))


def _trace_of(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The trace of an actor that lives, or waits for its restart, or is parked."""
    found: Sequence[Mapping[str, Any]] = (entry.get("actor") or entry.get("waits") or entry).get(
        "trace"
    ) or ()
    return found


def _without_trace(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name != "trace"}


def _head(entry: Mapping[str, Any], who: str, told: Sequence[Chapter]) -> Iterator[str]:
    actor = entry.get("actor") or {}
    if entry.get("error"):
        yield styled(f"{_name(entry)} is parked in {who}: {entry['error']}", Style.BAD)
        yield summary(told)
        return
    state = actor.get("state", "waiting for its restart")
    yield f"{_name(entry)} is {state}, in {who}."
    if waits := entry.get("waits"):
        due = span(max(waits.get("due") or 0.0, 0.0))
        yield styled(f"It crashed ({waits['error']}) and is started again in {due}.", Style.BAD)
    if running := actor.get("running"):
        waits = ", ".join(f"{span(age)} for {what}" for what, age in running["waits"].items())
        text = f"It runs {running['message']} for {span(running['seconds'])}"
        yield f"{text}{f', waiting {waits}' if waits else ''}."
    mail = actor.get("mail") or {}
    if mail.get("control") or mail.get("reconcile"):
        texts = [*([f"{mail['control']} messages"] if mail["control"] else []), *mail["reconcile"]]
        yield f"In its mail: {', '.join(texts)}."
    if actor.get("problem"):
        yield styled(f"It tries again after: {actor['problem']}", Style.DOUBTFUL)
    for child, why in (actor.get("held") or {}).items():
        yield styled(f"It holds {child} back: {why}", Style.DOUBTFUL)
    if actor.get("timer"):
        yield f"It looks again in {span(max(actor.get('due') or 0.0, 0.0))}: {actor['timer']}."
    elif not running and not waits:
        yield "It waits for a change."
    yield summary(told)


def _body(told: Sequence[Chapter], now: datetime) -> Iterator[str]:
    for chapter in told:
        message = chapter.message
        ago = span(max(0.0, (now - chapter.begun).total_seconds()))
        title = f"{chapter.begun:%H:%M:%S.%f}"[:-3]
        yield ""
        yield (
            f"{title}, {ago} ago: {message['message']} {message['number']}, "
            f"which took {span(message['run'])}"
        )
        for sentence in sentences(chapter):
            yield f"    {sentence}"
