"""The traces of all actors as one timeline, in the trace event format that Perfetto opens.

A process of the timeline is a kind, a thread an actor. Source: "Trace Event Format", its JSON
object format.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from actors.runtime.reason import Cause, Reason, reason_in
from supervisors.debug.entries import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_WATCHES = 1
# Threads that an actor may have: one, and one for each request that others overlap.
_LANES = 32
_MICRO = 1_000_000

Event = dict[str, Any]


class Timeline:
    """Makes the events of one actor after the other.

    A handler is a complete event (`X`) of its actor, and its requests are within it: what overlaps
    something else, such as work beside the mail, is on a thread beside it. The time in the mail is
    an asynchronous event (`b` and `e`). A flow (`s` and `f`) goes to a handler from each reason
    that woke the actor, at its time: the reasons are on threads of the process "watches". How many
    letters of a kind wait is a counter (`C`).
    """

    def __init__(self) -> None:
        self._processes: dict[str, int] = {}
        self._causes: dict[str, int] = {}
        self._threads = 0
        self._waits: dict[int, list[tuple[int, int]]] = {}

    def events(self, entry: Mapping[str, Any]) -> Iterator[Event]:
        """The events of an actor that has handled messages."""
        actor = entry["actor"]
        trace = actor.get("trace") or ()
        if not trace:
            return
        kind = str(actor.get("kind") or kind_of(entry))
        yield from self._process(kind)
        process = self._processes[kind]
        name = str(entry.get("object") or entry.get("name") or actor.get("actor", ""))
        self._threads += _LANES
        lanes, named = _Lanes(), set[int]()
        # Of work beside the mail the end is what the trace is ordered by.
        for message in sorted(trace, key=lambda message: message["at"]):
            begun, ended = _span(message)
            lane = lanes.free(begun, ended)
            if lane not in named:
                named.add(lane)
                thread_name = name if lane == 0 else f"{name}, beside"
                yield _named("thread_name", process, self._threads + lane, thread_name)
            if lane < _LANES:
                here = {"pid": process, "tid": self._threads + lane}
                yield from self._message(message, begun, ended, here)
                yield from _requests(message, lanes, lane, here)

    def counters(self) -> Iterator[Event]:
        """How many letters of each kind waited, whenever that has changed; at the end."""
        for process, changes in self._waits.items():
            waiting = 0
            for at, change in sorted(changes, key=lambda change: (change[0], -change[1])):
                waiting += change
                yield {
                    "ph": "C",
                    "name": "mail",
                    "pid": process,
                    "tid": 0,
                    "ts": at,
                    "args": {"waiting": waiting},
                }

    def _process(self, kind: str) -> Iterator[Event]:
        if not self._processes:
            yield _named("process_name", _WATCHES, 0, "watches")
        if kind not in self._processes:
            process = self._processes[kind] = len(self._processes) + _WATCHES + 1
            yield _named("process_name", process, 0, kind)

    def _message(
        self, message: Mapping[str, Any], begun: int, ended: int, here: Mapping[str, int]
    ) -> Iterator[Event]:
        number = message["number"]
        if message["wait"]:  # work beside the mail was in none
            sent = begun - round(message["wait"] * _MICRO)
            self._waits.setdefault(here["pid"], []).extend([(sent, 1), (begun, -1)])
            waits = {"cat": "mail", "name": "waits", "id": number, **here}
            yield {"ph": "b", "ts": sent, **waits}
            yield {"ph": "e", "ts": begun, **waits}
        yield {
            "ph": "X",
            "cat": "actor",
            "name": message["message"],
            "ts": begun,
            "dur": ended - begun,
            "args": {
                name: message[name]
                for name in ("number", "reasons", "outcome", "calls", "decisions")
            },
            **here,
        }
        # The last of the reasons may be the number of those that are not kept, without a time.
        for place, (text, came) in enumerate(
            zip(message["reasons"], message["came"], strict=False)
        ):
            at = begun - round(came[1] * _MICRO)
            flow = {"cat": "wakes", "name": "wakes", "id": f"{number}.{place}"}
            yield from self._reason(text, at, came[2], flow)
            yield {"ph": "f", "bp": "e", "ts": begun, **flow, **here}

    def _reason(self, text: str, at: int, times: int, flow: Mapping[str, str]) -> Iterator[Event]:
        """What has woken an actor, on the thread of its cause and kind, and the flow from there."""
        reason = reason_in(text) or Reason(Cause.CHANGED)
        cause = Reason(reason.cause, reason.kind).text
        if cause not in self._causes:
            self._causes[cause] = len(self._causes) + 1
            yield _named("thread_name", _WATCHES, self._causes[cause], cause)
        there = {"pid": _WATCHES, "tid": self._causes[cause]}
        args = {"times": times}
        yield {"ph": "X", "cat": "watch", "name": text, "ts": at, "dur": 1, "args": args, **there}
        yield {"ph": "s", "ts": at, **flow, **there}


class _Lanes:
    """The threads of one actor, from 0: on each of them nothing overlaps but what is within.

    Handlers are to be asked for in the order in which they began.
    """

    def __init__(self) -> None:
        self._until: list[int] = []

    def of_request(self, handler: int, start: int, end: int, until: int) -> int:
        """That of the handler, if its requests before were over by then; else another one."""
        return handler if until <= start else self.free(start, end)

    def free(self, start: int, end: int) -> int:
        """The first thread that is free from then on; it is taken until the end."""
        lanes = self._until
        lane = next((lane for lane, until in enumerate(lanes) if until <= start), len(lanes))
        lanes[lane : lane + 1] = [end]
        return lane


def _span(message: Mapping[str, Any]) -> tuple[int, int]:
    """When a handler began and ended, in microseconds."""
    begun = round(datetime.fromisoformat(message["at"]).timestamp() * _MICRO)
    return begun, begun + round(message["run"] * _MICRO)


def _requests(
    message: Mapping[str, Any], lanes: _Lanes, handler: int, here: Mapping[str, int]
) -> Iterator[Event]:
    """The requests of a handler, each on a thread on which no other is under way."""
    begun, ended = _span(message)
    until = begun
    for request in sorted(message["requests"], key=lambda request: request["after"]):
        start = min(begun + round(request["after"] * _MICRO), ended)
        end = min(start + round(request["seconds"] * _MICRO), ended)
        lane = lanes.of_request(handler, start, end, until)
        until = end if lane == handler else until
        if lane >= _LANES:
            continue
        yield {
            "ph": "X",
            "cat": "request",
            "name": f"{request['verb']} {request['resource']}",
            "ts": start,
            "dur": end - start,
            "args": {"object": request["name"], "code": request["code"]},
            "pid": here["pid"],
            "tid": here["tid"] - handler + lane,
        }


def document(events: Iterable[bytes], omitted: int) -> bytes:
    """The whole document of events in JSON; `omitted` actors are not in it."""
    other = b'"displayTimeUnit":"ms","otherData":{"version":"1","omitted":"%d"}' % omitted
    return b'{"traceEvents":[' + b",".join(events) + b"]," + other + b"}"


def _named(what: str, process: int, thread: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "ts": 0, "args": {"name": name}}
