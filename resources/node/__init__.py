"""What a node installs, whether Falco would load it, and what the node reports of it.

A slot is one source of one artifact on one node: one file, or one plugin with its entry in
falco.yaml. It is met in these shapes, each with its own knowledge:

    SlotId         slots          which source of which artifact
    SlotVersion    slots          one content for it, as remembered on disk
    PlannedSlot    plan           the version that is wanted and the version that is installed
    CheckedSlot    check_request  the same two as paths of files, for the child process that checks
    Place, File    files          where in Falco's directories a version goes, and with what content

In this order the modules are used: `plan` lines up wanted and installed versions; `verdict` checks
them, for which `contents` reads the files, `candidates` evaluates a selection of versions as Falco
would, and `fallback` chooses the best selection without findings; `report` and `events` tell it.
"""
