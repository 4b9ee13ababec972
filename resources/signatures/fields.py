"""The fields of Rulesfile and Plugin that say who has to have signed the artifact."""

from typing import Annotated

import msgspec

from resources.kubernetes.definition import ATOMIC_LIST, ValidationRule, doc
from resources.kubernetes.meta import LocalReference
from resources.signatures.policy import MOST_EXPRESSION, Mode
from resources.signatures.public_key_text import MOST_KEY_TEXT

_MOST = 16
_NAME = {"minLength": 1, "maxLength": MOST_EXPRESSION}


def _one_of(*fields: str) -> ValidationRule:
    count = " + ".join(f"(has(self.{field}) ? 1 : 0)" for field in fields)
    return ValidationRule(f"{count} == 1", f"exactly one of {', '.join(fields)} must be set")


class VerifyKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Public keys; one of them has to have signed."""

    secret_ref: Annotated[
        LocalReference | None,
        doc("A Secret whose keys that end with .pub hold public keys in PEM."),
    ] = None
    config_map_ref: Annotated[
        LocalReference | None,
        doc("A ConfigMap whose keys that end with .pub hold public keys in PEM."),
    ] = None
    inline: Annotated[
        str | None, doc("Public keys in PEM.", minLength=1, maxLength=MOST_KEY_TEXT)
    ] = None


class KeylessIdentity(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """The identity of a certificate; regular expressions have to match the whole name."""

    issuer: Annotated[str | None, doc("Issuer of the token, as a URL.", **_NAME)] = None
    issuer_reg_exp: Annotated[
        str | None, doc("Regular expression for the whole issuer.", **_NAME)
    ] = None
    subject: Annotated[
        str | None, doc("Subject of the certificate: a URI or an e-mail address.", **_NAME)
    ] = None
    subject_reg_exp: Annotated[
        str | None, doc("Regular expression for the whole subject.", **_NAME)
    ] = None


class TrustedRootRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Where the trusted root of keyless signatures is."""

    config_map_ref: Annotated[
        LocalReference, doc("A ConfigMap whose key trusted_root.json holds the trusted root.")
    ]


class Verify(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Who has to have signed the artifact; any one of the keys and identities is enough."""

    mode: Annotated[
        str | None,
        doc(
            "Off, Warn (tell in the status) or Enforce (nothing else reaches a node); absent means "
            "the operator's default.",
            enum=[mode.value for mode in Mode],
        ),
    ] = None
    keys: Annotated[
        tuple[
            Annotated[
                VerifyKey,
                doc("Public keys.", _one_of("secretRef", "configMapRef", "inline")),
            ],
            ...,
        ]
        | None,
        doc("Public keys, of which one has to have signed.", maxItems=_MOST, **ATOMIC_LIST),
    ] = None
    keyless: Annotated[
        tuple[
            Annotated[
                KeylessIdentity,
                doc(
                    "An issuer and a subject.",
                    _one_of("issuer", "issuerRegExp"),
                    _one_of("subject", "subjectRegExp"),
                ),
            ],
            ...,
        ]
        | None,
        doc("Identities, of which one has to have signed.", maxItems=_MOST, **ATOMIC_LIST),
    ] = None
    trusted_root: Annotated[
        TrustedRootRef | None,
        doc("The trusted root of keyless signatures; absent means the operator's."),
    ] = None
