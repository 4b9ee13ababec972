"""The trace of one actor in sentences: what woke it, what it did, and what comes next."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.mail import RECONCILE
from actors.runtime.reason import Cause, Reason, reason_in
from cli.trace.words import listed, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# Seconds from which on a wait is worth a word.
_NOTICED = 0.05
_WRITTEN = re.compile(r"(?P<kind>[A-Z][A-Za-z]+)/(?:[^/ @]+/)?(?P<name>[^/ ]+)@(?P<version>[0-9]+)")
_ABOUT_ONE = re.compile(
    r"(?P<verb>created|deleted|patched|updated|wrote the status of) (?P<kind>[A-Z][A-Za-z]+)/"
    r"(?:[^/ ]+/)?(?P<name>[^/ @]+)(?:@[0-9]+)?(?P<fields>: .*)?"
)
_HAPPENED = {
    Cause.CHANGED: "{} changed",
    Cause.DELETED: "{} was deleted",
    Cause.ABSENT: "{} turned out not to exist",
    Cause.ORPHANED: "{} was left without an owner",
    Cause.REFERENCES: "other objects are named than before",
    Cause.DIGEST: "a tag points to another digest",
    Cause.SIGNATURE: "it became known who has signed",
    Cause.CONTENTS: "other contents are wanted on the node",
    Cause.FETCHED: "a fetch ended",
    Cause.LOST: "content was lost from the disk",
    Cause.INSTALLED: "files were installed",
    Cause.LOADED: "Falco said something new about what it has loaded",
    Cause.NOT_LOADED: "Falco seems to have missed a change",
    Cause.VERSIONS: "Falco said that its versions are others",
    Cause.STARTED: "the actor started",
    Cause.RESTARTED: "the actor was started again after a crash",
    Cause.RETIRING: "mail came while it wanted to retire",
}


class Woken(NamedTuple):
    """A reason of a message; `own` is the number of the message whose write it echoes, or empty."""

    reason: Reason
    first: float
    last: float
    times: int
    own: str


class Chapter(NamedTuple):
    """One handled message, and what of it follows from the messages before."""

    message: Mapping[str, Any]
    woken: tuple[Woken, ...]
    before: Mapping[str, Any] | None

    @property
    def begun(self) -> datetime:
        """When its handler began."""
        return datetime.fromisoformat(self.message["at"])

    @property
    def is_reconcile(self) -> bool:
        """Whether it is a reconcile."""
        return bool(self.message["message"] == RECONCILE)

    @property
    def is_echo(self) -> bool:
        """Whether nothing woke it but own writes."""
        return bool(self.woken) and all(woken.own for woken in self.woken)


def chapters(trace: Iterable[Mapping[str, Any]]) -> list[Chapter]:
    """The messages of a trace, oldest first, with the echoes of own writes made out."""
    written: dict[tuple[str, str, str], str] = {}
    found: list[Chapter] = []
    for message in trace:
        found.append(
            Chapter(message, tuple(_woken(message, written)), found[-1].message if found else None)
        )
        for decision in message["decisions"]:
            for match in _WRITTEN.finditer(decision):
                written[match["kind"], match["name"], match["version"]] = message["number"]
    return found


def _woken(
    message: Mapping[str, Any], written: Mapping[tuple[str, str, str], str]
) -> Iterator[Woken]:
    # The last text may be the number of reasons that are not kept.
    for text, came in zip(message["reasons"], message.get("came", ()), strict=False):
        if (reason := reason_in(text)) is not None:
            own = written.get((reason.kind, reason.name, reason.version), "")
            first, last, times = came
            yield Woken(reason, first, last, times, own if reason.cause is Cause.CHANGED else "")


def sentences(chapter: Chapter) -> Iterator[str]:
    """What happened, a sentence for each question: why, waited for what, asked what, did what."""
    message = chapter.message
    if chapter.woken:
        omitted = message["reasons"][len(chapter.woken) :]
        reasons = [_because(woken, chapter) for woken in chapter.woken if not woken.own]
        yield f"Woken because {'; '.join([*reasons, *_echoes(chapter.woken), *omitted])}."
    if waited := _waited(chapter):
        yield waited
    if asked := _asked(message):
        yield asked
    if message["decisions"]:
        more = message["decided"] - len(message["decisions"])
        rest = f"; and {more} more" if more > 0 else ""
        yield f"It {'; '.join(_grouped(message['decisions']))}{rest}."
    yield from _ending(message)


def _because(woken: Woken, chapter: Chapter) -> str:
    reason, _, last, times, _ = woken
    if reason.cause is Cause.TIMER:
        return f"its timer {_set_for(chapter.before)}was over"
    if reason.cause is Cause.LISTED:
        return f"all {reason.kind or 'kinds'} had been listed"
    what = f"{reason.kind} {reason.name}".strip() or "something"
    text = _HAPPENED[reason.cause].format(what)
    if times > 1:
        text += f" {times} times, the last time"
    if reason.version:
        text += f" to version {reason.version}"
    return f"{text} ({span(last)} before)"


def _echoes(woken: Iterable[Woken]) -> Iterator[str]:
    """What the actor had written itself, and the watch has told it of."""
    by_number: dict[str, list[Reason]] = {}
    for one in woken:
        if one.own:
            by_number.setdefault(one.own, []).append(one.reason)
    for number, reasons in by_number.items():
        names = [f"{reason.kind} {reason.name}@{reason.version}" for reason in reasons]
        yield f"the watch told it of what {number} had written: {listed(names)}"


def _set_for(before: Mapping[str, Any] | None) -> str:
    """What the timer was for, by the outcome of the message before."""
    word, _, detail = (before["outcome"] if before else "").partition(": ")
    seconds, _, why = detail.partition(", ")
    return f"of {_rounded(seconds)} ({why}) " if word == "requeue" else ""


def _rounded(seconds: str) -> str:
    """The time in an outcome, such as `2.49999 s`, as people say it."""
    return span(float(seconds.removesuffix(" s")))


def _waited(chapter: Chapter) -> str:
    wait = chapter.message["wait"]
    told = max((woken.first for woken in chapter.woken), default=0.0) - wait
    late = f" The event had come {span(told)} before that." if told >= _NOTICED else ""
    if wait < _NOTICED:
        return f"It began at once.{late}" if late else ""
    busy = 0.0
    if chapter.before is not None:
        sent = chapter.begun - timedelta(seconds=wait)
        ended = datetime.fromisoformat(chapter.before["at"])
        ended += timedelta(seconds=chapter.before["run"])
        busy = min(wait, max(0.0, (ended - sent).total_seconds()))
    if busy >= 0.8 * wait:
        return f"It waited {span(wait)} for what it did before to end.{late}"
    part = f", of which {span(busy)} for what it did before to end" if busy >= _NOTICED else ""
    return f"It waited {span(wait)} for its turn{part}.{late}"


def _asked(message: Mapping[str, Any]) -> str:
    requests, calls = message["requests"], message["calls"]
    if not requests:
        return ""
    slowest = max(requests, key=lambda request: request["seconds"])
    text = f"It asked the API server {_times(calls)}"
    text += f": {'the slowest was ' if calls > 1 else ''}{_request(slowest)}"
    failed = [request for request in requests if not request["code"].startswith("2")]
    others = [_request(request) for request in failed if request is not slowest]
    return f"{text}{'; refused: ' if others else ''}{listed(others)}."


def _request(request: Mapping[str, Any]) -> str:
    name = "" if request["name"] == "-" else f" {request['name']}"
    answer = "no answer" if request["code"] == "error" else request["code"]
    return f"{request['verb']} {request['resource']}{name} ({answer}, {span(request['seconds'])})"


def _grouped(decisions: Iterable[str]) -> Iterator[str]:
    """Decisions, those of one verb about single objects together."""
    groups: dict[str, list[str]] = {}
    for decision in decisions:
        match = _ABOUT_ONE.fullmatch(decision)
        if match is None:
            groups.setdefault(decision, [])
        else:
            fields = f" ({match['fields'][2:]})" if match["fields"] else ""
            groups.setdefault(match["verb"], []).append(f"{match['kind']} {match['name']}{fields}")
    for verb, objects in groups.items():
        yield f"{verb} {', '.join(objects)}" if objects else verb


def _ending(message: Mapping[str, Any]) -> Iterator[str]:
    word, _, detail = message["outcome"].partition(": ")
    match word:
        case "done":
            yield "Nothing was left to do until something changes."
        case "requeue":
            seconds, _, why = detail.partition(", ")
            yield f"It looks again after {_rounded(seconds)} at the latest: {why}."
        case "blocked":
            yield f"It can do nothing until something changes: {detail}."
        case "retire":
            yield "Its object is gone, and so was the actor."
        case "crash":
            yield f"It crashed: {detail}."
        case "error":
            yield f"It failed: {detail}."
        case "cancelled":
            yield "It was cancelled."


def summary(told: Iterable[Chapter]) -> str:
    """How often the actor reconciled, and because of what."""
    reconciles = [chapter for chapter in told if chapter.is_reconcile]
    if not reconciles:
        return "No reconcile is in its trace."
    echoes = sum(chapter.is_echo for chapter in reconciles)
    timers, crashes = _only(reconciles, Cause.TIMER), _only(reconciles, Cause.RESTARTED)
    parts = [
        f"{_times(count)} {why}"
        for count, why in (
            (len(reconciles) - echoes - timers - crashes, "because of what others did"),
            (echoes, "because of nothing but its own writes"),
            (timers, "because of its timer"),
            (crashes, "after a crash"),
        )
        if count
    ]
    return f"By its trace it reconciled {listed(parts)}."


def _only(reconciles: Iterable[Chapter], cause: Cause) -> int:
    """How many of these have this cause and no other."""
    return sum(
        bool(chapter.woken) and all(woken.reason.cause is cause for woken in chapter.woken)
        for chapter in reconciles
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
