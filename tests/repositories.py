"""Repositories of artifacts as users write them, right and wrong."""

DIGEST = f"sha256:{'a' * 64}"

# The repository and the registry's name, and how the API server and the operator say it is written.
WHOLE_REFERENCES = [
    ("ghcr.io/a/b", None, "registry.name: ghcr.io, image.repository: a/b"),
    ("ghcr.io/a/b", "", "registry.name: ghcr.io, image.repository: a/b"),
    ("ghcr.io/a/b", "ghcr.io", "registry.name: ghcr.io, image.repository: a/b"),
    ("localhost/a", None, "registry.name: localhost, image.repository: a"),
    ("h:8443/a/b:5", "h", "registry.name: h:8443, image.repository: a/b, image.tag: 5"),
    ("h:8443/a/b", "h:8443", "registry.name: h:8443, image.repository: a/b"),
    ("oci://h.io/a:5", None, "registry.name: h.io, image.repository: a, image.tag: 5"),
    ("https://h.io/a", "m.io", "registry.name: h.io, image.repository: a"),
    ("a/b:5", "h.io", "image.repository: a/b, image.tag: 5"),
    ("a:5", None, "image.repository: a, image.tag: 5"),
    (f"a/b@{DIGEST}", None, f"image.repository: a/b, image.tag: {DIGEST}"),
    (
        f"h.io/a:5@{DIGEST}",
        None,
        f"registry.name: h.io, image.repository: a, image.tag: {DIGEST}",
    ),
]

# The same for paths alone.
PATHS = [
    (repository, name)
    for repository, names in {
        "a": (None, "", "a", "a.b"),
        "a/b/c": (None, "a", "h.io:5000"),
        "a.b": (None, "a.b"),
        "a/b.c/d": (None, "a"),
        "a_b__c-d/e": (None,),
        "localhost": (None, "localhost"),
        "localhosts/a": (None,),
        # A mirror may have a folder for each registry.
        "ghcr.io/a/b": ("mirror.example.com", "ghcr.io:443", "[::1]:5000"),
        "localhost/a": ("mirror.example.com",),
        "a" * 255: (None,),
    }.items()
    for name in names
]
