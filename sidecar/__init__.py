"""The artifact operator: what runs beside Falco on every node.

Belongs here: node-side actors, pulls, files on disk, the startup gate and its composition root.

May not be imported by any other package.
"""
