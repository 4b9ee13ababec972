"""Supervisors, which start, restart and stop actors, and the process around them.

Belongs here: child specs, restart intensity, supervisors, health, settings and the operator's
composition root.

May not enter: knowledge of any kind of resource, except in the composition root and its parts;
decisions about the meaning of a change, which are handlers in `actors`.
"""
