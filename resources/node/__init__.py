"""What a node installs, and what it reports of it.

A slot is one source of one artifact on one node: one file, or one plugin with its entry in
falco.yaml. It is met in these shapes, each with its own knowledge:

    SlotId         slots   which source of which artifact
    SlotVersion    slots   one content for it, as remembered on disk
    PlannedSlot    plan    the version that is wanted and the version that is installed
    Place, File    files   where in Falco's directories a version goes, and with what content

In this order the modules are used: `plan` lines up wanted and installed versions, `resources.check`
chooses between them, `pace` says when Falco is to see the result; `report` and `events` tell it,
`loaded` tells what Falco has made of it, and `refusal` what it has refused.
"""
