"""A worker that does what it is told, also what no worker should do."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import msgspec

from actors.runtime.child_process import serve


class Order(msgspec.Struct, frozen=True):
    what: str
    text: str = ""
    size: int = 0


class Done(msgspec.Struct, frozen=True):
    text: str = ""


def handle(order):
    return Done(str(ORDERS[order.what](order)))


def eat(order):
    kept = []
    while True:
        kept.append(bytearray(order.size))


def crash(order):
    raise ValueError(order.text)


def hang(order):
    """Until killed; the file that the order names gets our process id."""
    if order.text:
        unfinished = Path(f"{order.text}.new")
        unfinished.write_text(str(os.getpid()))
        unfinished.rename(order.text)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


def leave_a_thread(order):
    threading.Thread(target=time.sleep, args=(order.size,)).start()
    return "left"


ORDERS = {
    "echo": lambda order: order.text,
    "length": lambda order: len(order.text),
    "fill": lambda order: "x" * order.size,
    "chatter": lambda order: os.write(2, b"x" * order.size),
    "environment": lambda _: " ".join(sorted(os.environ)),
    "path": lambda _: " ".join(sys.path),
    "modules": lambda _: " ".join(sys.modules),
    "session": lambda _: os.getsid(0),
    "die": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "abort": lambda _: os.abort(),
    "exit": lambda order: os._exit(order.size),
    "eat": eat,
    "crash": crash,
    "hang": hang,
    "leave": leave_a_thread,
}

if __name__ == "__main__":
    serve(Order, handle)
