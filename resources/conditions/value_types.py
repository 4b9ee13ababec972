"""Which operators a type of values has, and which texts Falco can turn into a value of it.

As libsinsp's filter_compare.cpp (flt_is_comparable) and value_parser.cpp.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from resources.conditions.regular_expression import regex_problem
from resources.conditions.vocabulary import EVENT_NAMES
from resources.text.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from resources.conditions.vocabulary import Field

LIST_OPERATORS = frozenset({"intersects", "in", "pmatch"})
# With these a modifier may stand: since Falco 0.44.
MODIFIABLE = frozenset(
    {"==", "=", "!=", "glob", "iglob", "contains", "icontains", "bcontains", "startswith"}
    | {"bstartswith", "endswith", "regex"}
)
OPERATORS = LIST_OPERATORS | MODIFIABLE | {"exists", "<=", "<", ">=", ">"}
MODIFIERS = ("oneof", "anyof", "allof")
MODIFIERS_SINCE = (0, 44)

_EQUALITY = frozenset({"==", "=", "!=", "in", "intersects"})
_BUFFER = _EQUALITY | {"contains", "startswith", "endswith", "bcontains", "bstartswith"}
_TEXT = OPERATORS - {"bcontains", "bstartswith", "exists"}
# Types of what events come with; Falco compares them with nothing.
_INCOMPARABLE: frozenset[str] = frozenset()
_BY_TYPE = {
    "CHARBUF": _TEXT,
    "FSPATH": _TEXT,
    "FSRELPATH": _TEXT,
    **dict.fromkeys(("SOCKADDR", "SOCKTUPLE", "SOCKFAMILY", "CHARBUFARRAY"), _INCOMPARABLE),
    **dict.fromkeys(("CHARBUF_PAIR_ARRAY", "DYN", "UID", "GID", "L4PROTO"), _INCOMPARABLE),
    "BYTEBUF": _BUFFER,
    "BOOL": _EQUALITY,
    "IPADDR": _EQUALITY,
    "IPNET": _EQUALITY,
}
_NUMERIC = _EQUALITY | {"<=", "<", ">=", ">"}

NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
PORT: Final = "port"
ADDRESS: Final = "address"
NETWORK: Final = "network"
EVENT: Final = "event"
SHORT: Final = "short"
REGEX: Final = "regex"
HEX: Final = "hex"
WORD: Final = "word"

# libsinsp keeps a text of a comparison in a buffer of this size, with a zero at its end.
_BUFFER_SIZE = 256
# sscanf reads what libsinsp takes for a number.
_NUMBER = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
# Names of ports that every list of services has; Falco asks that of its image.
_SERVICES = frozenset(
    {
        *("domain", "ftp", "ftp-data", "git", "gopher", "http", "https", "imap", "imap2", "imaps"),
        *("ipp", "irc", "kerberos", "ldap", "ldaps", "microsoft-ds", "mysql", "netbios-ssn"),
        *(
            "nfs",
            "nntp",
            "ntp",
            "pop3",
            "pop3s",
            "postgresql",
            "rsync",
            "sip",
            "smtp",
            "snmp",
            "ssh",
        ),
        *("submission", "sunrpc", "svn", "syslog", "telnet", "tftp", "time", "whois", "www", "x11"),
        "xmpp-client",
    }
)
_WORD = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


def operator_problem(field: Field, operator: str) -> str:
    """Why a field cannot be compared by this operator; empty if it can."""
    base = operator.partition(" ")[0]
    if base == "exists" or not field.type:
        return ""
    allowed = {"in", "intersects"} if field.is_list else _BY_TYPE.get(field.type, _NUMERIC)
    return "" if base in allowed else f"operator {operator} does not fit its type"


def kind_of_value(field: Field, name: str, operator: str) -> str:
    """The kind of value that a field is compared with; empty for any text."""
    base = operator.partition(" ")[0]
    if base in {"bcontains", "bstartswith"}:
        return HEX
    if name == "evt.type":
        # Whatever the operator, Falco looks its value up.
        return EVENT
    if base == "regex":
        return REGEX
    if field.type in {"CHARBUF", "FSPATH", "FSRELPATH", "BYTEBUF"}:
        return SHORT
    kinds = {"BOOL": BOOLEAN, "PORT": PORT, "IPADDR": ADDRESS, "IPNET": NETWORK, "": ""}
    return kinds.get(field.type, NUMBER)


def value_problem(kind: str, text: str) -> str:
    """Why a text is no value of a kind; empty if it is one, or if nobody can tell."""
    check = _CHECKS.get(kind)
    return check(text) if check else ""


def _number(text: str) -> str:
    return "" if _NUMBER.fullmatch(text) else f"{shown(text)} is no number"


def _boolean(text: str) -> str:
    return "" if text in {"true", "false"} else f"{shown(text)} is neither true nor false"


def _port(text: str) -> str:
    fits = not text or _DIGITS.fullmatch(text) or text in _SERVICES
    return "" if fits else f"{shown(text)} is no port"


def _address(text: str) -> str:
    return "" if _is_address(text) else f"{shown(text)} is no IP address"


def _network(text: str) -> str:
    address, slash, mask = text.partition("/")
    bits = 32 if "." in text else 128
    if not slash or not _is_address(address):
        return f"{shown(text)} is no network such as 10.0.0.0/8"
    if not _NUMBER.fullmatch(mask) or not 0 <= int(mask) <= bits:
        return f"{shown(text)}: {shown(mask)} is no netmask between 0 and {bits}"
    return ""


def _is_address(text: str) -> bool:
    kind = ipaddress.IPv4Address if "." in text else ipaddress.IPv6Address
    try:
        return "%" not in text and bool(kind(text))
    except ValueError:
        return False


def _event(text: str) -> str:
    return "" if not text or text in EVENT_NAMES else f"there is no type of events {shown(text)}"


def _short(text: str) -> str:
    fits = len(text) < _BUFFER_SIZE and len(text.encode()) < _BUFFER_SIZE
    return "" if fits else f"{shown(text)} has more than {_BUFFER_SIZE - 1} bytes"


def _hex(text: str) -> str:
    return "" if _HEX.fullmatch(text) else f"{shown(text)} is no text of hexadecimal digits"


def _regex(text: str) -> str:
    problem = _short(text) or regex_problem(text)
    return f"{shown(text)} is no regular expression: {problem}" if problem else ""


def _word(text: str) -> str:
    return "" if _WORD.fullmatch(text) else f"{shown(text)} is no single word of letters and digits"


_CHECKS: dict[str, Callable[[str], str]] = {
    NUMBER: _number,
    BOOLEAN: _boolean,
    PORT: _port,
    ADDRESS: _address,
    NETWORK: _network,
    EVENT: _event,
    SHORT: _short,
    HEX: _hex,
    REGEX: _regex,
    WORD: _word,
}
KINDS = tuple(_CHECKS)
