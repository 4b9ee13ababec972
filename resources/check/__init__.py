"""Whether Falco would load what a node is to install, and which versions may be activated.

    CheckedSlot    check_request  a wanted and an installed version, as paths of files

It runs in a child process. `verdict` chooses a version for each slot: `contents` reads the files,
`candidates` evaluates a selection of versions as Falco would, and `fallback` chooses the best
selection without findings. Where a program of Falco is at hand, `exact` lays its own answers over
that, which `dry_run_answer` reads; `falco_warnings` says whom its warnings are about.
"""
