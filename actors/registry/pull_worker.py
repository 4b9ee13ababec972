"""The child process that pulls an artifact: `python -m actors.registry.pull_worker`."""

from __future__ import annotations

from actors.runtime.child_process import serve
from resources.registry.request import Pulled, PullRequest


def handle(fetch: PullRequest) -> Pulled:
    """Pull the artifact; the libraries for that are imported once the limits hold."""
    from actors.registry.pull import answer  # noqa: PLC0415

    return answer(fetch)


if __name__ == "__main__":
    serve(PullRequest, handle)
