"""`make run` with two faults: a bug of its operator, and a node whose sidecar never starts.

The operator looks for modules where this process does, and finds the bug there.
"""

import sys

from deploy.local import programs, sidecars
from deploy.local.__main__ import main

SILENT_NODE = "node-4"
_sound = sidecars.sidecar_pods


def _without_the_silent(pods):
    return [pod for pod in _sound(pods) if pod.node != SILENT_NODE]


vars(programs)["_FROM_USER"] += ("PYTHONPATH",)
vars(sidecars)["sidecar_pods"] = _without_the_silent
sys.exit(main(sys.argv[1:]))
