"""The child process that verifies signatures: `python -m actors.signature.verify_worker`."""

from __future__ import annotations

from actors.runtime.child_process import serve
from resources.signatures.request import Verdict, Verification


def handle(request: Verification) -> Verdict:
    """Verify; the libraries for that are imported once the limits hold."""
    from actors.signature.verification import answer  # noqa: PLC0415

    return answer(request)


if __name__ == "__main__":
    serve(Verification, handle)
