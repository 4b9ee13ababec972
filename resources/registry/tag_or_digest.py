"""The two ways to refer to a manifest in a repository: tag or digest (OCI distribution spec)."""

from __future__ import annotations

import re

_SHA256 = re.compile(r"sha256:[a-f0-9]{64}", re.ASCII)
TAG_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
"""The grammar of a tag; container images have the same."""

_TAG = re.compile(TAG_PATTERN, re.ASCII)


def is_digest(text: str) -> bool:
    """Whether the text is a sha256 digest, the only algorithm that is accepted."""
    return _SHA256.fullmatch(text) is not None


def is_tag_or_digest(text: str) -> bool:
    """Whether the text is a sha256 digest or a tag."""
    return is_digest(text) or _TAG.fullmatch(text) is not None
