"""`make run` with a planted bug: its operator looks for modules where this process does."""

import sys

from deploy.local import programs
from deploy.local.__main__ import main

vars(programs)["_FROM_USER"] += ("PYTHONPATH",)
sys.exit(main(sys.argv[1:]))
