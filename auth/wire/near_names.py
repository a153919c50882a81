"""Says how the name of an issuer or an audience differs from the one of ours that was probably meant.

Such names are compared exactly (RFC 7519 §2), so one slash too many refuses every token. The log says so in our own
words. It never shows the name itself, since a stranger may have written it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_VERSION = re.compile(r"v[0-9.]+", re.IGNORECASE)


class _Parts(NamedTuple):
    scheme: str
    host: str
    port: str
    path: str
    #: The last segment of the path, if it is a version such as ``v2.0``.
    version: str
    slash: str
    #: White space in front of the name and behind it.
    around: str


#: How the log calls each of them.
_IN_WORDS = _Parts(
    scheme="the scheme",
    host="the host",
    port="the port",
    path="the path",
    version="the version at the end of the path",
    slash="a slash at the end",
    around="white space around it",
)


def difference(name: str, known: Iterable[str]) -> str | None:
    """Return how a name differs from the nearest of the known names; None if it is near none of them.

    The words fit behind "differs only by": ``a slash at the end``, or ``the scheme and the port``. Two names are near
    if they have the host in common, or the path, or everything but the host.
    """
    parts = _parts(name)
    found = [[*_differences(parts, other)] for other in map(_parts, known) if _are_near(parts, other)]
    nearest = min(found, key=len, default=[])
    if len(nearest) < 2:
        return nearest[0] if nearest else None
    return f"{', '.join(nearest[:-1])} and {nearest[-1]}"


def _parts(text: str) -> _Parts:
    name = text.strip()
    scheme, has_scheme, rest = name.rpartition("://")
    host, slash, path = rest.partition("/")
    path = slash + path
    port = ""
    before, _, digits = host.rpartition(":")
    if has_scheme and digits.isdecimal():
        host, port = before, digits
    trimmed = path.rstrip("/")
    parent, _, last = trimmed.rpartition("/")
    core, version = (parent, last) if _VERSION.fullmatch(last) else (trimmed, "")
    return _Parts(scheme, host, port, core, version, path[len(trimmed) :], text.replace(name, "", 1))


def _are_near(name: _Parts, other: _Parts) -> bool:
    one, two = _folded(name), _folded(other)
    if one.host == two.host:
        return True
    are_urls = {one.scheme, two.scheme} <= {"http", "https"}
    return are_urls and one.path == two.path and (one.path != "" or one[2:] == two[2:])


def _differences(name: _Parts, other: _Parts) -> Iterator[str]:
    one, two = _folded(name), _folded(other)
    yield from (words for words, a, b in zip(_IN_WORDS, one, two, strict=True) if a != b)
    if any(a != b and a.lower() == b.lower() for a, b in zip(name, other, strict=True)):
        yield "upper and lower case"


def _folded(parts: _Parts) -> _Parts:
    return _Parts(*(part.lower() for part in parts))
