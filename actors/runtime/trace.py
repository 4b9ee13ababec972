"""What an actor did last, and why: the entries of its trace, for the debug dump."""

from __future__ import annotations

from datetime import timedelta
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from actors.runtime.mail import RECONCILE
from actors.runtime.reason import Reasons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.runtime.context import Runtime
    from actors.runtime.mail import Letter

LEAST = 16
"""How many reconciles a trace keeps at least, however large they are."""

LONGEST = 3600.0
"""Seconds that a trace keeps more than those, as long as there is room."""

MOST_REASONS = 10
"""How many reasons an entry keeps, beside the number of all others: a Falco and its children."""

MOST_LINES = 24
"""How many requests, and how many decisions, an entry keeps: what a new Falco takes, twice."""

_LONGEST_LINE = 300
# An entry without its texts: a tuple, its numbers, and the heads of its strings.
_BARE = 180
_MOST_TIMES = 65535
# The monotonic time is kept as it is; of the others single precision tells microseconds.
_NUMBERS = Struct("<Qdff")
_REASON = Struct("<ffH")
_TIMES = tuple(Struct("<" + "ffH" * count) for count in range(MOST_REASONS + 1))


class Notes:
    """What the running handler has asked for and decided so far, a line each, of bounded size."""

    __slots__ = ("_begun", "_decisions", "_requests", "calls", "decided", "number")

    def __init__(self, number: str, begun: float) -> None:
        self.number = number
        self.calls = 0
        self.decided = 0
        self._begun = begun
        self._requests: list[str] = []
        self._decisions: list[str] = []

    def ask(self) -> int:
        """Count a request, and give its number among those of the handler."""
        self.calls += 1
        return self.calls

    def asked(self, number: int, request: str, code: str, begun: float, ended: float) -> None:
        """Add a request, such as `patch falcos/status ns/falco`, and how it was answered."""
        if len(self._requests) < MOST_LINES:
            after, took = begun - self._begun, ended - begun
            self._requests.append(f"{number} {_line(request)} {code} {after:.6f} {took:.6f}")

    def decide(self, what: str) -> None:
        """Add what was decided, such as `created DaemonSet ns/falco`; no payload."""
        self.decided += 1
        if len(self._decisions) < MOST_LINES:
            self._decisions.append(_line(what))

    def text(self) -> str:
        """All of it as one string, which takes less memory than lists."""
        count = f"{self.calls} {self.decided} {len(self._requests)}"
        return "\n".join([count, *self._requests, *self._decisions])


class TraceEntry(NamedTuple):
    """One handled message.

    All times are in seconds; `at` is the monotonic time at which the handler began. The entry holds
    the name of the message's type and never the message, as a dump must show no payload. `outcome`
    is a word, with a detail behind a colon where there is one: "blocked: NameConflict". `calls` and
    `decided` count all requests and decisions, of which the first are kept. `reasons` are texts,
    the last of which may count those that are not kept; `came` are their times.
    """

    number: int
    at: float
    wait: float
    run: float
    message: str
    reasons: list[str]
    came: list[Came]
    outcome: str
    calls: int
    requests: list[Asked]
    decided: int
    decisions: list[str]


class Glance(NamedTuple):
    """An entry without its texts but for the outcome, as a table needs it: that is read quickly."""

    at: float
    wait: float
    run: float
    outcome: str
    calls: int


class Came(NamedTuple):
    """When a reason of a reconcile came first and last, and how often, until its handler began.

    `first` and `last` are in seconds before that. What a watch has told came when the watch got it.
    """

    first: float
    last: float
    times: int


class Asked(NamedTuple):
    """A request to the API server.

    `number` counts the requests of the handler: behind that of the message and a dot it is the
    request's name in the audit log. `name` has the namespace before a slash, and is `-` where there
    is none. `code` is the HTTP status, `error` without an answer. `after` is when it was made, in
    seconds from the beginning of its handler, `seconds` how long it took.
    """

    number: int
    verb: str
    resource: str
    name: str
    code: str
    after: float
    seconds: float


class Entries(list[dict[str, Any]]):
    """The entries of a trace as JSON, of bounded size and without lone surrogates.

    So whoever renders them has to look into none: they are most of a dump.
    """


class Trace:
    """The last entries, oldest first: at least `LEAST` reconciles, and more where there is room.

    An entry is kept as a tuple of its numbers in one byte string and of its texts, which takes the
    least memory, and which the garbage collector leaves out of its rounds. It would visit named
    tuples each time: 1.6 million of them for 100,000 actors.
    """

    __slots__ = ("_entries", "_reconciles", "_runtime", "_size")

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: list[tuple[bytes, str, str, str, str]] = []
        self._reconciles = 0
        self._size = 0

    def __iter__(self) -> Iterator[TraceEntry]:
        return map(_unpacked, tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def glances(self) -> Iterator[Glance]:
        """The entries without their texts, oldest first."""
        for numbers, _, _, outcome, told in self._entries:
            _, at, wait, run = _NUMBERS.unpack_from(numbers)
            yield Glance(at, wait, run, outcome, int(told.partition(" ")[0] or 0))

    @property
    def ended(self) -> float:
        """When the handler of the last entry ended, on the monotonic clock."""
        _, at, _, run = _NUMBERS.unpack_from(self._entries[-1][0])
        return float(at + run)

    def add(
        self,
        number: int,
        letter: Letter,
        begun: float,
        run: float,
        outcome: str,
        notes: Notes | None,
    ) -> None:
        """Remember how this letter was handled, and forget what there is no room for."""
        message = letter.message
        numbers, reasons = _NUMBERS.pack(number, begun, begun - letter.at, run), ""
        if type(message) is Reasons:
            reasons, times = _packed(message, begun)
            numbers += times
        told = notes.text() if notes is not None else ""
        entry = (numbers, letter.name, reasons, outcome, told)
        self._entries.append(entry)
        self._size += _size(entry)
        self._reconciles += entry[1] == RECONCILE
        while len(self._entries) > LEAST and (
            self._size > self._runtime.trace_room
            or begun - _NUMBERS.unpack_from(self._entries[0][0])[1] > LONGEST
        ):
            self._forget_one()

    def as_json(self) -> Entries:
        """The entries, oldest first; wall times are reckoned back from now."""
        clock, process = self._runtime.clock, self._runtime.numbers.process
        now, monotonic = clock.now(), clock.monotonic()
        return Entries(
            {
                **entry._asdict(),
                "number": f"{process}-{entry.number}",
                "at": (now - timedelta(seconds=monotonic - entry.at)).isoformat(
                    "T", "microseconds"
                ),
                "wait": round(entry.wait, 6),
                "run": round(entry.run, 6),
                "came": [
                    (round(first, 6), round(last, 6), times) for first, last, times in entry.came
                ],
                "requests": [asked._asdict() for asked in entry.requests],
            }
            for entry in self
        )

    def _forget_one(self) -> None:
        """Forget the oldest entry that is not of the last `LEAST` reconciles, if there is one."""
        spared = self._reconciles <= LEAST
        for at, entry in enumerate(self._entries):
            is_reconcile = entry[1] == RECONCILE
            if spared and is_reconcile:
                continue
            del self._entries[at]
            self._size -= _size(entry)
            self._reconciles -= is_reconcile
            return


def _size(entry: tuple[bytes, str, str, str, str]) -> int:
    return _BARE + len(entry[0]) + len(entry[2]) + len(entry[4])


def _unpacked(entry: tuple[bytes, str, str, str, str]) -> TraceEntry:
    numbers, message, reasons, outcome, told = entry
    number, at, wait, run = _NUMBERS.unpack_from(numbers)
    count, *lines = _lines(told) or ("0 0 0",)
    calls, decided, kept = map(int, count.split())
    requests = list(map(_asked, lines[:kept]))
    return TraceEntry(
        number,
        at,
        wait,
        run,
        message,
        _lines(reasons),
        list(map(Came._make, _REASON.iter_unpack(numbers[_NUMBERS.size :]))),
        outcome,
        calls,
        requests,
        decided,
        lines[kept:],
    )


def _packed(reasons: Reasons, begun: float) -> tuple[str, bytes]:
    """The texts of the first reasons, and their times."""
    seen = reasons.sightings(MOST_REASONS)
    omitted = reasons.omitted + len(reasons) - len(seen)
    lines = [sighting.reason.text for sighting in seen]
    if omitted:
        lines.append(f"and {omitted} more")
    times = [
        number
        for _, first, last, times in seen
        for number in (begun - first, begun - last, min(times, _MOST_TIMES))
    ]
    return "\n".join(lines), _TIMES[len(seen)].pack(*times)


def _asked(line: str) -> Asked:
    number, verb, resource, name, code, after, seconds = line.split(" ")
    return Asked(int(number), verb, resource, name, code, float(after), float(seconds))


def _lines(text: str) -> list[str]:
    return text.split("\n") if text else []


def _line(text: str) -> str:
    line = text.replace("\n", " ")
    if not line.isascii():
        line = line.encode("utf-8", "backslashreplace").decode()
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"
