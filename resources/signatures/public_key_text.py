"""The PEM text of public keys, as a Secret, a ConfigMap or a resource holds it."""

from __future__ import annotations

import re

KEY_SUFFIX = ".pub"
"""What the keys of a Secret or ConfigMap end with that hold public keys, as cosign names them."""
MOST_KEY_TEXT = 16 * 1024
"""Characters of one text."""
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]*-----END \1-----")
_BEGIN = "-----BEGIN "
_PUBLIC = "PUBLIC KEY"


def blocks_of(text: str) -> list[str]:
    """The blocks of a PEM text, which are public keys unless `text_problem` has one."""
    return [match.group() for match in _BLOCK.finditer(text)]


def text_problem(text: str) -> str:
    """Why the text holds no public keys, without quoting it; empty if it does."""
    if len(text) > MOST_KEY_TEXT:
        return f"has more than {MOST_KEY_TEXT} characters"
    labels = [match[1] for match in _BLOCK.finditer(text)]
    if not labels:
        return f"holds no {_PUBLIC} in PEM"
    other = next((label for label in labels if label != _PUBLIC), None)
    if other:
        return f"holds a {other}, expected is a {_PUBLIC}"
    return "" if text.count(_BEGIN) == len(labels) else f"holds more than whole {_PUBLIC}s in PEM"
