"""The types of Component: one file for each, whose `TYPE` is a ComponentType.

To add a type:

1. Add a file here that defines `TYPE`, such as `metacollector.py`. `resources.component.catalog`
   finds it by its place; no list has to be changed.
2. Run `make generate`, which adds the type to the CRD, and its rights to the operator's role.
3. Describe it in docs/component.md.

Nothing but such data belongs here.
"""
