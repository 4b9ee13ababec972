"""Takes credentials out of what is written: by the names of fields and variables, and by form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_NAMES = re.compile(
    r"pass(?:word|wd|phrase)?(?![a-z])|passw|pwd(?![a-z])|(?<![a-z])pw(?![a-z])|token|secret|credential|api[-_]?key"
    r"|access[-_]?key|private[-_]?key|authorization|(?<![a-z])auth(?![a-z])|cookie|dsn(?![a-z])"
    r"|webhook[-_]?url",
    re.IGNORECASE,
)
# Fields that name where a credential is.
_PLACES = re.compile(r"(?:name|ref|path|file|namespace)$", re.IGNORECASE)
# In a text these are rather words of a sentence, such as "secrets: not found".
_PLURALS = re.compile(r"(?:secret|token|credential|cookie)s$", re.IGNORECASE)
_FORMS = (
    # What is before the host in a URL: user, password or both.
    re.compile(r"(?<=://)[^\s/?#\"'<>]{1,512}(?=@)"),
    # What follows the path of a URL may sign it.
    re.compile(r"(?<=://)(?P<kept>[^\s?#\"'<>]{1,2048}\?)[^\s\"'<>]{1,4096}"),
    # Addresses that are a credential: whoever knows them may post.
    re.compile(
        r"(?i)(?P<kept>hooks\.slack\.com/|/api/webhooks/|\.webhook\.office\.com/)[^\s\"'<>]{1,512}"
    ),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/=-]{8,4096}"),
    # A JSON Web Token, such as that of a ServiceAccount.
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}(?:\.[A-Za-z0-9_-]{0,4096})?"),
    # As curl takes them: -u user:password, also where no blank is between.
    re.compile(
        r"(?<!\S)(?P<kept>(?:-u|--(?:proxy-)?user)[ =]?(?!\d+:\d+\b)[^\s:\"']{1,256}:)"
        r"[^\s\"']{1,512}"
    ),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:gh[a-z]_|github_pat_|glpat-|xox[a-z]-)[A-Za-z0-9_-]{10,256}"),
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.{0,16384}?"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        re.DOTALL,
    ),
)
# In a text, such as a log: a name and its separator, then the value; in quotes all of it, also on
# a line that was cut.
_NAMED = re.compile(
    r"(?<![A-Za-z0-9_-])(?P<name>[A-Za-z0-9_-]{1,64})\\{0,3}[\"']?\s{0,4}[:=]\s{0,4}"
    r"|(?<!\S)--?(?P<flag>[A-Za-z0-9-]{1,64})[ \t]{1,4}(?!-)"
)
_VALUE = re.compile(
    r"(?im)(?P<quote>\\{0,3}[\"'])(?P<quoted>.{1,4096}?)(?=(?P=quote)|$)"
    r"|(?P<plain>(?:(?:basic|bearer|digest|negotiate|token)\s{1,4})?[^\s\"',;&\\]{3,4096})"
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
        before = [name, *(_flag(item) or name for item in value)]
        return [concealed(item, conceal, whose) for whose, item in zip(before, value, strict=False)]
    if isinstance(value, str):
        return conceal(value) if value and is_sensitive(name) else text_concealed(value, conceal)
    return value


def is_sensitive(name: str) -> bool:
    """Whether a field or variable of this name holds a credential."""
    return bool(_NAMES.search(name)) and not _PLACES.search(name)


def text_concealed(text: str, conceal: Callable[[str], str]) -> str:
    """A text without what looks like a credential in it."""

    def by_form(found: re.Match[str]) -> str:
        kept = found.groupdict().get("kept") or ""
        return kept + conceal(found[0].removeprefix(kept))

    for form in _FORMS:
        text = form.sub(by_form, text)
    return "".join(_without_named(text, conceal))


def _without_named(text: str, conceal: Callable[[str], str]) -> Iterator[str]:
    """The pieces of a text, without the values that have the name of a credential."""
    done = 0
    for named in _NAMED.finditer(text):
        name = named["name"] or named["flag"]
        if named.start() < done or not is_sensitive(name) or _PLURALS.search(name):
            continue
        value = _VALUE.match(text, named.end())
        if value is None:
            continue
        place = "quoted" if value["plain"] is None else "plain"
        begin, end = value.span(place)
        if place == "plain":  # in JSON perhaps, where nothing separates it from a bracket
            end = begin + len(value["plain"].rstrip("]})"))
        if text[begin:end] in {"", "null", "true", "false"}:
            continue
        yield text[done:begin]
        yield conceal(text[begin:end])
        done = end
    yield text[done:]


def _flag(item: Any) -> str:
    """The name of the flag whose value is the next item of a list; empty if it is none."""
    if not isinstance(item, str) or not item.startswith("-") or "=" in item:
        return ""
    return item.lstrip("-")
