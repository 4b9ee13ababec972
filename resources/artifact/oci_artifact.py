"""The fields of Rulesfile and Plugin that name an artifact in an OCI registry."""

from typing import Annotated

import msgspec

from resources.kubernetes.definition import ValidationRule, doc
from resources.kubernetes.meta import LocalReference
from resources.signatures.fields import Verify


class ArtifactImage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A repository, and a tag or digest in it."""

    repository: Annotated[
        str, doc("Path of the repository in the registry.", minLength=1, maxLength=255)
    ]
    tag: Annotated[
        str,
        doc(
            "A tag, or a digest as sha256:…; empty means latest.",
            maxLength=128,
            pattern="^([A-Za-z0-9_][A-Za-z0-9._-]*|sha256:[a-f0-9]{64})?$",
        ),
    ] = "latest"


class RegistryAuth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Credentials of a registry."""

    secret_ref: Annotated[
        LocalReference | None,
        doc("A Secret with username and password, or of type kubernetes.io/dockerconfigjson."),
    ] = None


class RegistryTLS(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """How the certificate of a registry is checked."""

    insecure_skip_verify: Annotated[bool, doc("Accept any certificate.")] = False
    ca_config_map_ref: Annotated[
        LocalReference | None,
        doc("A ConfigMap whose key ca.crt holds the CA certificates to trust."),
    ] = None


class ArtifactRegistry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"
):
    """A registry and how to connect to it."""

    name: Annotated[
        str | None,
        doc(
            "Host of the registry, with an optional port; absent or empty means ghcr.io.",
            maxLength=261,
        ),
    ] = None
    auth: Annotated[RegistryAuth | None, doc("Credentials of the registry.")] = None
    plain_http: Annotated[bool, doc("Talk HTTP without TLS; excludes tls.")] = msgspec.field(
        default=False, name="plainHTTP"
    )
    tls: Annotated[
        RegistryTLS | None, doc("How the certificate is checked; excludes plainHTTP.")
    ] = None


# Refuses only what `sources_of` refuses as well: a mirror may have a folder for each registry.
# In the message, `[x].map(name, y)[0]` is y in which x has a name.
PATH_ALONE = ValidationRule(
    "!self.image.repository.matches('[:@]')"
    " && !(self.image.repository.matches('^([^/]*[.][^/]*|localhost)/')"
    " && (!has(self.registry) || !has(self.registry.name)"
    " || self.registry.name in ['', self.image.repository.split('/')[0]]))",
    "must be the path alone: the registry belongs to registry.name, a tag or digest to image.tag",
    ".image.repository",
    "[self.image.repository.substring(size(self.image.repository.find('^[a-z]+://')))]"
    ".map(whole, [whole.find('^([^/]*[.:][^/]*|localhost)/')]"
    ".map(host, [whole.substring(size(host)).find('^[^:@]+')]"
    ".map(path, [whole.substring(size(host) + size(path))]"
    ".map(rest, 'must be the path alone; write '"
    " + (host == '' ? '' : 'registry.name: ' + host.substring(0, size(host) - 1) + ', ')"
    " + 'image.repository: ' + path"
    " + (rest == '' ? '' : ', image.tag: ' + (rest.contains('@')"
    " ? rest.substring(rest.indexOf('@') + 1) : rest.substring(1)))"
    ")[0])[0])[0])[0]",
)


class OCIArtifact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An artifact in an OCI registry."""

    image: Annotated[ArtifactImage, doc("The repository and the tag or digest in it.")]
    registry: Annotated[
        ArtifactRegistry | None,
        doc(
            "The registry and how to talk to it.",
            ValidationRule(
                "!(has(self.plainHTTP) && self.plainHTTP && has(self.tls))",
                "plainHTTP and tls exclude each other",
            ),
        ),
    ] = None
    verify: Annotated[
        Verify | None,
        doc("Who has to have signed it; absent means the operator's defaults."),
    ] = None
    poll_interval: Annotated[
        str,
        doc(
            "How often a tag is looked up again, as a duration of at least 30s.",
            ValidationRule(
                "duration(self) >= duration('30s')", "pollInterval must be at least 30s"
            ),
            maxLength=32,
            pattern="^([0-9]+([.][0-9]+)?(ms|s|m|h))+$",
        ),
    ] = "10m"
