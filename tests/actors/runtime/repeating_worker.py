"""A worker with many replies: a word each, of which some are something to do."""

import os
import time

from actors.runtime.child_process import serve_each
from tests.actors.runtime.obedient_worker import Done, Order


def handle(order):
    for word in order.text.split():
        if word == "hang":
            time.sleep(600)
        if word == "crash":
            raise ValueError("a secret")
        if word == "exit":
            os._exit(3)
        yield Done("x" * order.size if word == "large" else word)


if __name__ == "__main__":
    serve_each(Order, handle)
