"""Pulls one artifact after the other in a process of its own, and prints what that took.

`python -m tests.actors.measured_pulls`, with pulls as JSON lines on standard input.
"""

import asyncio
import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryFile

import msgspec

from actors.registry.client import RegistryError, pull
from resources.registry.request import Pull


async def outcomes(pulls):
    """What became of each: nothing if it went well."""
    texts = []
    for request in pulls:
        try:
            with TemporaryFile() as file:
                await pull(request, file.fileno())
            texts.append("")
        except RegistryError as error:
            texts.append(str(error))
    return texts


def peak():
    """The most that this process has ever been, in bytes; what the kernel keeps of it for others
    to ask begins with the size of the process that started us.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    requests = [msgspec.json.decode(line, type=Pull) for line in sys.stdin]
    idle = peak()
    told = asyncio.run(outcomes(requests))
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    found = {"outcomes": told, "parent": peak() - idle, "child": child}
    sys.stdout.write(json.dumps(found))
