"""Takes credentials out of what is written: by the names of fields and variables, and by form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = re.compile(
    r"pass(?:word|wd|phrase)?(?![a-z])|passw|token|secret|credential|api[-_]?key|access[-_]?key"
    r"|private[-_]?key|authorization|cookie|dsn(?![a-z])|webhook[-_]?url",
    re.IGNORECASE,
)
# Fields that name where a credential is.
_PLACES = re.compile(r"(?:name|ref|path|file|namespace)$", re.IGNORECASE)
_FORMS = (
    # A user and a password in a URL.
    re.compile(r"(?<=://)[^\s/@:]{1,256}:[^\s/@]{1,256}(?=@)"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,4096}"),
    # A JSON Web Token, such as that of a ServiceAccount.
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}(?:\.[A-Za-z0-9_-]{0,4096})?"),
)
# In a text, such as a log: the name, a separator, the value.
_IN_TEXT = re.compile(
    r"(?i)((?:password|passwd|token|secret|api[-_]?key|authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?)"
    r"([^\s\"',;&]{4,4096})"
)


def concealed(value: Any, conceal: Callable[[str], str], name: str = "") -> Any:
    """A copy of a JSON value with what `conceal` gives in the place of each credential."""
    if isinstance(value, dict):
        if "value" in value and is_sensitive(str(value.get("name", ""))):
            return {
                key: conceal(str(item)) if key == "value" else item for key, item in value.items()
            }
        return {key: concealed(item, conceal, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [concealed(item, conceal, name) for item in value]
    if isinstance(value, str):
        return conceal(value) if value and is_sensitive(name) else text_concealed(value, conceal)
    return value


def is_sensitive(name: str) -> bool:
    """Whether a field or variable of this name holds a credential."""
    return bool(_NAMES.search(name)) and not _PLACES.search(name)


def text_concealed(text: str, conceal: Callable[[str], str]) -> str:
    """A text without what looks like a credential in it."""
    for form in _FORMS:
        text = form.sub(lambda found: conceal(found[0]), text)
    return _IN_TEXT.sub(lambda found: found[1] + conceal(found[2]), text)
