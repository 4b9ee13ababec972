"""Pure knowledge of the resources: from what is observed to what is wanted.

Belongs here: types of the custom resources, desired child objects, conditions and status,
comparison of owned fields, the CRD schemas.

May not enter: asyncio, time, os, logging, network, or the existence of actors. Same input, same
output.
"""
