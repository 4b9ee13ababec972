"""The identity of a candidate for the Lease, which a process takes over from a dead one."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from pathlib import Path

_log = logging.getLogger(__name__)
_FILE = "falco-operator.identity"
_LONGEST = 512


def lasting_identity(directory: Path, pod: str, source: random.Random) -> str:
    """An identity that no other process has now, and that the next process in this pod gets.

    The directory outlives the container, not the pod. The file in it holds the identity and is
    locked until this process ends, however it ends: whoever gets the lock knows that the process
    before is dead, and may take its Lease at once. A second process in the same pod does not get
    the lock, and has an identity of its own; so has every process if the file cannot be used.
    """
    try:
        descriptor = os.open(
            directory / _FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        _log.info("a crash of this process costs the time of the Lease: %s", error)
        return identity_of(pod, source)
    # The descriptor stays open from here on, for with it goes the lock.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _kept(descriptor, pod) or _keep(descriptor, identity_of(pod, source))
    except OSError as error:
        _log.info("a crash of this process costs the time of the Lease: %s", error)
        os.close(descriptor)
        return identity_of(pod, source)


def identity_of(pod: str, source: random.Random) -> str:
    """An identity that no other process has, not even in a pod of the same name."""
    return f"{pod}_{source.getrandbits(64):016x}"


def _kept(descriptor: int, pod: str) -> str | None:
    """The identity in the file, if it is one of this pod."""
    text = os.read(descriptor, _LONGEST).decode("ascii", "replace")
    return text if re.fullmatch(rf"{re.escape(pod)}_[0-9a-f]{{16}}", text, re.ASCII) else None


def _keep(descriptor: int, identity: str) -> str:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, identity.encode(), 0)
    return identity
