"""What a resource demands of the signatures of its artifact, with the operator's defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from resources.kubernetes.invalid_spec import InvalidSpec
from resources.signatures.official import official_identities
from resources.signatures.policy import Identity, Mode, expression_problem
from resources.signatures.public_key_text import text_problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from resources.signatures.fields import KeylessIdentity, Verify, VerifyKey

_FIELD = "spec.ociArtifact.verify"
TRUSTED_ROOT_KEY = "trusted_root.json"
"""The key of a ConfigMap that holds a trusted root."""


class DefaultModes(NamedTuple):
    """The modes of artifacts whose resource has none: the Falco project's own, and all others."""

    official: Mode = Mode.WARN
    others: Mode = Mode.OFF


DEFAULT_MODES = DefaultModes()


class KeySource(NamedTuple):
    """Where public keys are: in a Secret or ConfigMap of this name, or in `text` itself."""

    kind: str = ""
    name: str = ""
    text: str = ""


class Demand(NamedTuple):
    """Who has to have signed; `trusted_root` is the name of a ConfigMap, or empty."""

    mode: Mode
    keys: tuple[KeySource, ...] = ()
    identities: tuple[Identity, ...] = ()
    trusted_root: str = ""

    @property
    def is_enforced(self) -> bool:
        """Whether nothing that is not verified may reach a node."""
        return self.mode is Mode.ENFORCE

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of every object that this takes keys or a trusted root from."""
        named = [(key.kind, key.name) for key in self.keys if key.kind]
        roots = [("ConfigMap", self.trusted_root)] if self.trusted_root else []
        return (*dict.fromkeys(named), *roots)


def demand_of(
    verify: Verify | None, registry: str, repository: str, defaults: DefaultModes
) -> Demand:
    """What is demanded of an artifact in this repository.

    Raises:
        InvalidSpec: a key or an expression is none.
    """
    official = official_identities(registry, repository)
    default = defaults.official if official else defaults.others
    if verify is None:
        return Demand(default, identities=official)
    mode = Mode(verify.mode) if verify.mode in set(Mode) else default
    keys = tuple(_key(at, key) for at, key in enumerate(verify.keys or ()))
    identities = tuple(_identity(at, each) for at, each in enumerate(verify.keyless or ()))
    root = verify.trusted_root.config_map_ref.name if verify.trusted_root else ""
    return Demand(mode, keys, identities or (() if keys else official), root)


def _key(at: int, key: VerifyKey) -> KeySource:
    if key.secret_ref is not None:
        return KeySource("Secret", key.secret_ref.name)
    if key.config_map_ref is not None:
        return KeySource("ConfigMap", key.config_map_ref.name)
    text = key.inline or ""
    if problem := text_problem(text):
        raise InvalidSpec(f"{_FIELD}.keys[{at}].inline", text[:40], f"a key in PEM; it {problem}")
    return KeySource(text=text)


def _identity(at: int, given: KeylessIdentity) -> Identity:
    for name, expression in _expressions(given):
        if problem := expression_problem(expression):
            raise InvalidSpec(f"{_FIELD}.keyless[{at}].{name}", expression[:80], problem)
    return Identity(
        given.issuer or "",
        given.issuer_reg_exp or "",
        given.subject or "",
        given.subject_reg_exp or "",
    )


def _expressions(given: KeylessIdentity) -> Iterator[tuple[str, str]]:
    if given.issuer_reg_exp:
        yield "issuerRegExp", given.issuer_reg_exp
    if given.subject_reg_exp:
        yield "subjectRegExp", given.subject_reg_exp
