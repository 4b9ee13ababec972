"""The types of Component, a file of data each: `TYPE` in it is the type.

A new file here is a new type: `resources.component.catalog` finds it, and `make generate` writes it
into the CRD. Nothing but such data may enter.
"""
