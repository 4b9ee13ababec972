"""Verifies the signatures of an artifact, in the child process; one that fits is enough."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from actors.registry.failure import ExchangeError
from actors.registry.places import Places
from actors.signature import bundle
from actors.signature.find import signatures
from resources.signatures import legacy
from resources.signatures.legacy import LegacySignature
from resources.signatures.policy import Result
from resources.signatures.public_key import keys_of
from resources.signatures.request import Verdict
from resources.signatures.strict import Rejected
from resources.signatures.trusted_root import InvalidRoot, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.signature.find import Found
    from resources.signatures.policy import Policy, Signer
    from resources.signatures.public_key import PublicKey
    from resources.signatures.request import Verification
    from resources.signatures.trusted_root import Root

# Seconds of CPU time for the expressions of one signature: some take for ever on some names.
_MATCHING_SECONDS = 1.0
_MOST_ROOT = 1 << 20
# Reasons that a message tells, and characters of each.
_MOST_TOLD = 5
_MOST_TEXT = 400
_BY_KEY = "it is by a key, and the policy names identities only"


def answer(request: Verification) -> Verdict:
    """Look for the signatures of the artifact until one fits the policy."""
    try:
        checks = Checks(request.policy, request.digest)
    except InvalidRoot as error:
        return Verdict(Result.ROOT_UNKNOWN, f"The trusted root cannot be used: {error}")
    except Rejected as error:
        return Verdict(Result.NONE_MATCHES, f"The policy cannot be used: {error}")
    places = Places(request.endpoint, request.idle_seconds)
    try:
        found = places.every(lambda session: signatures(session, request.digest))
        verdict = _verdict(checks, request, found)
    except ExchangeError as error:
        verdict = _failed(request, error)
    finally:
        places.close()
    return replace(verdict, holds=places.holds)


def _verdict(checks: Checks, request: Verification, found: Iterator[Found]) -> Verdict:
    reasons: dict[str, None] = {}
    count, unknown, failure = 0, 0, None
    for each in found:
        count += 1
        if isinstance(each, ExchangeError):
            failure = each if each.transient else failure
            reasons[_told(each)] = None
            continue
        try:
            signer = accepted(checks, each)
        except Rejected as error:
            unknown += error.is_root
            reasons[_told(error)] = None
        else:
            message = f"{request.digest} is signed by {signer}"
            return Verdict(Result.VERIFIED, message, str(signer))
    if failure is not None:
        return _failed(request, failure)
    if not count:
        return Verdict(Result.NO_SIGNATURE, f"{request.digest} has no signature")
    told = "; ".join(list(reasons)[:_MOST_TOLD])
    if len(reasons) > _MOST_TOLD:
        told += f"; and {len(reasons) - _MOST_TOLD} other reasons"
    result = Result.ROOT_UNKNOWN if unknown == count else Result.NONE_MATCHES
    return Verdict(result, f"No signature of {request.digest} is accepted: {told}")


def accepted(checks: Checks, found: LegacySignature | bytes | Rejected) -> Signer:
    """As `Checks.signer`: whatever a hostile signature breaks, it hides no other one."""
    try:
        return checks.signer(found)
    except (Rejected, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - of whichever library reads certificates
        raise Rejected(f"it cannot be read: {type(error).__name__}") from None


class Checks:
    """The policy, ready for use; raises InvalidRoot or Rejected."""

    def __init__(self, policy: Policy, digest: str) -> None:
        self._policy = policy
        self._digest = digest
        self._keys: tuple[PublicKey, ...] = tuple(k for text in policy.keys for k in keys_of(text))
        self._root: Root | None = None
        self._root_path = Path()
        if policy.identities:
            self._root_path = _path_of(policy)
            self._root = _root(self._root_path)

    def signer(self, found: LegacySignature | bytes | Rejected) -> Signer:
        """Who has signed, and is accepted; raises Rejected."""
        if isinstance(found, Rejected):
            raise found
        signer = self._of_legacy(found) if isinstance(found, LegacySignature) else self._of(found)
        if not signer.key:
            with _limited():
                if not any(identity.accepts(signer) for identity in self._policy.identities):
                    raise Rejected(f"it is by {signer}")
        return signer

    def _of_legacy(self, found: LegacySignature) -> Signer:
        if self._keys and not (found.certificate and self._root):
            return legacy.signed_by_key(found, self._keys, self._digest)
        if not found.certificate:
            raise Rejected(_BY_KEY)
        return legacy.signed_keyless(found, self._root_or_none(), self._digest)

    def _of(self, text: bytes) -> Signer:
        document = bundle.read(text)
        if not bundle.is_keyless(document):
            if not self._keys:
                raise Rejected(_BY_KEY)
            return bundle.signed_by_key(document, self._keys, self._digest)
        return bundle.signed_keyless(text, self._root_or_none(), self._root_path, self._digest)

    def _root_or_none(self) -> Root:
        if self._root is None:
            raise Rejected("it is by an identity, and the policy names keys only")
        return self._root


@contextmanager
def _limited() -> Iterator[None]:
    """Raise Rejected if the block takes more CPU time than it may."""

    def stop(_number: int, _frame: object) -> None:
        raise Rejected("the regular expressions of the policy take too long for its identity")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, _MATCHING_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def _path_of(policy: Policy) -> Path:
    """Where the trusted root can be read, by its path; raises InvalidRoot."""
    if policy.trusted_root:
        descriptor = os.memfd_create("trusted_root.json")
        os.write(descriptor, policy.trusted_root.encode())
        return Path(f"/proc/self/fd/{descriptor}")
    return Path(policy.root_file)


def _root(path: Path) -> Root:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_ROOT + 1)
    except OSError as error:
        raise InvalidRoot(f"{path} cannot be read: {error.strerror}") from None
    if len(text) > _MOST_ROOT:
        raise InvalidRoot(f"it has more than {_MOST_ROOT} bytes")
    return root_of(text)


def _told(error: Exception) -> str:
    """The text of an error on one line: it may quote names that anybody has chosen."""
    text = str(error)[:_MOST_TEXT]
    return text if text.isprintable() else repr(text)


def _failed(request: Verification, error: ExchangeError) -> Verdict:
    return Verdict(Result.REGISTRY_FAILED, f"{request.endpoint}: {error}")
