"""An actor on one asyncio loop, with a task only while there is mail; pykka's interface.

What every user may rely on:

- An actor handles one message at a time: control messages in the order in which they were sent,
  `Stop` before them, and the pending reconcile last (`actors.runtime.mail`).
- An exception of a hook is a crash and ends the actor, with one exception: what `on_receive` raises
  for an ask goes to the asker, and the actor lives (pykka's rule).
- An actor does not know its supervisor: it calls back the one that is linked to its ref.
- An actor is not in pykka's registry, which is a list that is searched: whoever starts the actor
  keeps its ref.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self

import pykka

from actors.runtime.activity import in_words, works
from actors.runtime.hooks import Hooks
from actors.runtime.lifecycle import NORMAL, SHUTDOWN, ActorState, Exit, crash
from actors.runtime.mail import Inbox, Letter, Reconcile, Stop, Stopped
from actors.runtime.reason import Cause, Reason, Reasons
from actors.runtime.ref import ActorRef
from actors.runtime.results import RequeueAfter, Result, Retire, outcome_of
from actors.runtime.trace import Notes, Trace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from actors.runtime.activity import Waiting
    from actors.runtime.clock import Handle
    from actors.runtime.context import Runtime

logger = logging.getLogger(__name__)

BATCH = 64
"""Messages that an actor handles before it lets the rest of the loop have a turn."""

_numbers = itertools.count(1)
_TIMER = Reconcile(Reason(Cause.TIMER))
_RETIRING = Reconcile(Reason(Cause.RETIRING))


class Actor(Hooks):
    """Serves its mail, one message at a time.

    A subclass takes the runtime and its own arguments, and implements the hooks that it needs.
    """

    actor_inbox: Inbox

    def __init__(self, runtime: Runtime) -> None:
        # These four are all that pykka's __init__ sets, which is not called: it makes a
        # threading.Event of 1.2 KB and a random URN.
        self.actor_urn = f"urn:actor:{next(_numbers)}"
        self.actor_inbox = self._create_actor_inbox()
        self.actor_stopped = Stopped.as_event()
        self._actor_ref = ActorRef(self)
        self.runtime = runtime
        self._state = ActorState.NEW
        self._task: asyncio.Task[None] | None = None
        self._current: tuple[Letter | str, float] | None = None
        self.waits: tuple[Waiting, ...] = ()
        self._number = 0
        self._notes: Notes | None = None
        self._timer: tuple[Handle, str, float] | None = None
        self._trace: Trace | None = None
        self._on_exit: Callable[[Actor, Exit], None] | None = None
        self._on_ready: Callable[[Actor], None] | None = None
        self._killed = False

    def describe(self) -> dict[str, Any]:
        """The actor's state for the debug dump, as JSON.

        `timer` says what it waits for, `due` for how many seconds more.
        """
        inbox, monotonic = self.actor_inbox, self.runtime.clock.monotonic()
        current = self.current
        running = current and {
            "message": current[0],
            "seconds": round(monotonic - current[1], 3),
            "waits": {wait.what: round(monotonic - wait.since, 3) for wait in self.waits},
        }
        return {
            "actor": self.actor_urn,
            "kind": self.kind,
            "state": str(self._state),
            "running": running,
            "mail": {"control": inbox.control, "reconcile": inbox.reasons.texts()},
            "timer": self._timer and self._timer[1],
            "due": self._timer and round(self._timer[2] - monotonic, 3),
            "trace": self._trace.as_json() if self._trace is not None else [],
        }

    @property
    def current(self) -> tuple[str, float] | None:
        """The message or hook that runs, and since when; None if nothing does."""
        if self._current is None:
            return None
        what, since = self._current
        return (what if isinstance(what, str) else what.name), since

    @property
    def phase(self) -> ActorState:
        """The state of the actor's life."""
        return self._state

    @property
    def next_look(self) -> tuple[str, float] | None:
        """What the actor will reconcile for by itself, and when on the monotonic clock, if ever."""
        return self._timer and self._timer[1:]

    def inherit(self, trace: Trace | None) -> None:
        """Go on with the trace of a predecessor that has crashed."""
        self._trace = trace

    @property
    def trace(self) -> Trace | None:
        """The last messages; None before the first."""
        return self._trace

    def notes(self) -> Notes | None:
        """What the running message has asked for and decided so far; None if none runs."""
        if self._notes is None and self._current is not None and self._state is ActorState.BUSY:
            number = f"{self.runtime.numbers.process}-{self._number}"
            self._notes = Notes(number, self._current[1])
        return self._notes

    def activity(self) -> str:
        """The message or hook that runs, for how long, and the request that it waits for."""
        return in_words(self.current, self.waits, self.runtime.clock.monotonic())

    # What others call, through its ref.

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Make an actor and launch it; needs the running loop."""
        return cls(*args, **kwargs).launch()

    def launch(self) -> ActorRef[Self]:
        """Start the actor: `on_start` runs with the next step of the loop."""
        self._start_actor_loop()
        return self.actor_ref

    def stop(self) -> None:
        """Stop before the next message; in place of pykka's message, which waits its turn."""
        self.actor_inbox.post(Stop())

    def kill(self) -> None:
        """Cancel the running handler, run no other hook, and be gone."""
        self._killed = True
        if self._task is None:
            self.wake()
        elif inspect.getcoroutinestate(self._task.get_coro()) != inspect.CORO_CREATED:  # type: ignore[arg-type] # _work is one
            self._task.cancel()  # a task that has not begun would never run, nor report its exit

    def link(
        self,
        on_exit: Callable[[Actor, Exit], None],
        on_ready: Callable[[Actor], None] | None,
    ) -> None:
        """Call back on readiness and on exit; raises RuntimeError if the actor has a link."""
        if self._on_exit is not None:
            raise RuntimeError(f"{self} is linked already")
        self._on_exit, self._on_ready = on_exit, on_ready

    def wake(self) -> None:
        """Serve the mail, unless that is under way already."""
        if self._state is not ActorState.IDLE:
            return
        self.runtime.busy.add(self)
        if self._killed or self.lane is None or self._may_go():
            self._state = ActorState.BUSY
            self._task = self.loop.create_task(self._work())

    def _may_go(self) -> bool:
        """Whether an actor that has a lane may handle its next message; a reconcile waits."""
        inbox = self.actor_inbox
        return inbox.control > 0 or inbox.empty() or self.runtime.turns.take(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running loop, on which all actors live."""
        return asyncio.get_running_loop()

    @property
    def actor_ref(self) -> ActorRef[Self]:
        """The actor's own ref."""
        return self._actor_ref  # type: ignore[return-value] # made in __init__

    # What pykka.Actor leaves to its subclasses.

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return Inbox()

    @staticmethod
    def _create_future() -> NoReturn:
        raise NotImplementedError("ask returns a future of asyncio")

    def _start_actor_loop(self) -> None:
        self.actor_inbox.bind(self)
        self._state = ActorState.STARTING
        self.runtime.busy.add(self)
        self.runtime.observer.actor_started(self.kind)
        self._task = self.loop.create_task(self._work())

    # The life of one task: from the first mail until there is none.

    async def _work(self) -> None:
        works(self._actor_ref)
        try:
            end = await self._serve()
        except asyncio.CancelledError as error:
            self._killed = self._killed or _is_cancelled()
            end = SHUTDOWN if self._killed else crash(error)
        except Exception as error:  # noqa: BLE001 # whatever it is, it is the actor's end
            end = crash(error)
        if end is not None:
            await self._end(end)

    async def _serve(self) -> Exit | None:
        """Run `on_start` once, then handle mail until it is empty or ends the actor."""
        if self._state is ActorState.STARTING and not self._killed:
            self._current = ("on_start", self.runtime.clock.monotonic())
            await self.on_start()
            self._state, self._current = ActorState.BUSY, None
            self._begun()
        inbox, handled = self.actor_inbox, 0
        while not self._killed:
            letter = inbox.take() if self.lane is None or self._may_go() else None
            if letter is None:
                self._state, self._task = ActorState.IDLE, None
                if inbox.empty():
                    self.runtime.busy.discard(self)
                return None
            end = await self._handle(letter)
            if end is not None:
                return end
            handled += 1
            if handled % BATCH == 0:
                await asyncio.sleep(0)
        return SHUTDOWN

    def _begun(self) -> None:
        """Called when `on_start` is through: the actor is ready, unless it says so later."""
        self._ready()

    def _ready(self) -> None:
        """Let the link know, once, that what depends on this actor may start."""
        on_ready, self._on_ready = self._on_ready, None
        if on_ready is not None:
            on_ready(self)

    async def _handle(self, letter: Letter) -> Exit | None:
        """Handle one message and leave a trace of it, however it ends."""
        begun = self.runtime.clock.monotonic()
        self._current, self._number = (letter, begun), self.runtime.numbers.next()
        outcome = "cancelled"
        try:
            outcome, end = await self._perform(letter)
        except Exception as error:
            outcome = f"crash: {type(error).__name__}"
            raise
        finally:
            self._current = None
            self._record(letter, begun, outcome)
        return end

    async def _perform(self, letter: Letter) -> tuple[str, Exit | None]:
        message = letter.message
        if type(message) is Stop:
            self.actor_inbox.add(*letter)  # answered with the others when the actor is gone
            return "stop", message.exit
        if type(message) is Reasons:
            return await self._reconcile(message)
        try:
            letter.answer(await self.on_receive(message))
        except asyncio.CancelledError:
            letter.fail(pykka.ActorDeadError(f"{self} was stopped at the message"))
            raise
        except Exception as error:
            letter.fail(error)
            if letter.reply_to is None:
                raise
            return f"error: {type(error).__name__}", None
        return "ok", None

    async def _reconcile(self, reasons: Reasons) -> tuple[str, Exit | None]:
        self._disarm()
        result = await self.on_reconcile(reasons)
        if self.lane is not None:
            self.runtime.turns.give_back(self)  # an actor that ends does so when it leaves
        return outcome_of(result), self._follow(result)

    def _follow(self, result: Result) -> Exit | None:
        """Arm the timer or retire; with mail waiting, reconcile once more instead of retiring."""
        if isinstance(result, RequeueAfter):
            clock = self.runtime.clock
            handle = clock.call_later(result.seconds, self._timer_due)
            self._timer = handle, result.why, clock.monotonic() + result.seconds
        elif isinstance(result, Retire):
            if self.actor_inbox.empty():
                return NORMAL
            self.actor_inbox.add(_RETIRING, None, self.runtime.clock.monotonic())
        return None

    def _timer_due(self) -> None:
        self._timer = None
        self.actor_inbox.post(_TIMER)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer[0].cancel()
            self._timer = None

    def _record(self, letter: Letter, begun: float, outcome: str) -> None:
        run = self.runtime.clock.monotonic() - begun
        notes, self._notes = self._notes, None
        word = outcome.partition(":")[0]
        if word == "crash" or type(letter.message) not in self.routine:
            self.note(self._number, letter, begun, outcome, notes)
        self.runtime.observer.mail_handled(self.kind, begun - letter.at, run, word)

    def note(
        self, number: int, letter: Letter, begun: float, outcome: str, notes: Notes | None
    ) -> None:
        """Remember in the trace what has ended now."""
        if self._trace is None:
            self._trace = Trace(self.runtime)
        run = self.runtime.clock.monotonic() - begun
        self._trace.add(number, letter, begun, run, outcome, notes)

    # The end.

    async def _end(self, end: Exit) -> None:
        """Take no more mail, clean up, and be gone; being killed on the way cuts it short."""
        self._state = ActorState.ENDING
        self._current = ("the end", self.runtime.clock.monotonic())
        self.actor_stopped.set()
        self._disarm()
        await self._at_the_end(self._release)
        if not self._killed:
            await self._at_the_end(partial(self._farewell, end))
        self._leave(end)

    async def _at_the_end(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step of the end; its failure is logged and skips no other step."""
        try:
            await step()
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                self._killed = True
            else:
                logger.exception("%s failed in its end", self)

    async def _release(self) -> None:
        """End what the actor has started itself; run first, whichever way the actor ends."""

    async def _farewell(self, end: Exit) -> None:
        error = end.error
        if error is None:
            await self.on_stop()
        else:
            await self.on_failure(type(error), error, error.__traceback__)

    def _leave(self, end: Exit) -> None:
        self._state, self._task, self._current = ActorState.GONE, None, None
        self.runtime.busy.discard(self)
        if self.lane is not None:
            self.runtime.turns.leave(self)
        for error in self.actor_inbox.crashes():
            if error is not end.error:
                logger.error("%s crashed, but was stopped before", self, exc_info=error)
        self.runtime.observer.actor_exited(self.kind, end.reason)
        on_exit, self._on_exit, self._on_ready = self._on_exit, None, None
        try:
            if on_exit is not None:
                on_exit(self, end)
            elif end.error is not None:
                logger.error("%s crashed, and nobody is linked to it", self, exc_info=end.error)
        finally:
            self.actor_inbox.close()


def _is_cancelled() -> bool:
    """Whether it is this task that was cancelled, rather than something that it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
