"""What the C library keeps for itself goes back; what a start makes is left in peace."""

import subprocess
import sys

PROGRAM = """
import asyncio
from pathlib import Path
from supervisors.process.program import FreeMemory
from tests.fake_clock import FakeClock

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

clock = FakeClock()
FreeMemory(clock)
blocks = [bytes(10_000) for _ in range(4_000)]
full = resident()
pins = blocks[::200]  # they keep what is free below them
del blocks
kept = resident()
asyncio.run(clock.advance(10))
print(full - kept, kept - resident())
"""


def test_memory_that_is_free_below_what_is_used_is_given_back():
    run = [sys.executable, "-c", PROGRAM]
    printed = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    by_itself, when_looked_at = map(int, printed.split())
    assert when_looked_at > 30_000_000 > by_itself


COLLECTED = """
import gc
import supervisors.operator
from supervisors.process.program import spare_collector

class Circle:
    def __init__(self):
        self.me = self

before = len(gc.get_objects())
spare_collector()
after = len(gc.get_objects())
for _ in range(20_000):
    Circle()
print(before, after, sum(isinstance(found, Circle) for found in gc.get_objects()))
"""


def test_the_garbage_collector_looks_at_new_objects_alone():
    run = [sys.executable, "-c", COLLECTED]
    printed = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    before, after, left = map(int, printed.split())
    assert before > 20 * after
    assert left < 20_000
