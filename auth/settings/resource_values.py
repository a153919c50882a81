"""How the URLs of a service, its scopes and their hierarchy are written. Whether they fit is judged elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ..keys.remote.urls import has_only_characters_of_urls, is_loopback, is_plain_http, is_well_formed
from ..rules import scope_names
from ..scopes import closed_over
from .addresses import HOST_NAME
from .values import AS_LIST, SEGMENT, Kind, Place, is_broken_json, text, texts

#: Scopes of OpenID Connect (Core §5.4, §11). They ask for something about the user, and say nothing about an API.
_OF_OPENID = ("openid", "profile", "email", "offline_access")

#: Ports that clients leave out (WHATWG URL, "special scheme").
_DEFAULT_PORTS = {"https": 443, "http": 80}

_PATH = re.compile(f"(?:{SEGMENT})*")

#: The end of a host that clients take for an IPv4 address, however it is written (WHATWG URL, "ends in a number").
_IN_NUMBERS = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\Z")

_LONGEST_NAME = 200


def _check_resources(urls: tuple[str, ...], place: Place) -> None:
    wrong = [fault for url in urls if (fault := _fault(url))]
    for fault in dict.fromkeys(wrong):
        place.refuse(fault)
    if wrong:
        return
    paths = [urlsplit(url).path for url in urls]
    if len(set(urls)) < len(urls):
        place.refuse("holds one URL twice.")
    elif len(set(paths)) < len(paths):
        place.refuse(
            "holds two URLs with the same path. The path alone says which resource a request is for, because a client "
            "may send any Host. Give each its own path, or serve them as two apps."
        )


def _fault(url: str) -> str | None:
    """Return what is wrong with the URL of a resource; clients compare it as text, so there is one way to write it."""
    scheme, has_scheme, _ = url.partition("://")
    if not has_scheme or scheme not in _DEFAULT_PORTS:
        return "must begin with https://."
    if not is_well_formed(url) or "?" in url or "#" in url:
        return "must be an https URL without user, query and fragment."
    parts = urlsplit(url)
    if scheme == "http" and not is_loopback(url):
        return "must begin with https://; http is for this machine only."
    if parts.netloc != parts.netloc.lower():
        return "must have its host in lower case, as clients write it."
    if not _is_host(parts.netloc, parts.hostname or ""):
        return "must have a host name of letters, digits, dots and hyphens, or an address in its shortest form."
    if parts.netloc.endswith(":") or parts.port == _DEFAULT_PORTS[scheme]:
        return "must leave out the port that its scheme stands for, as clients do."
    if parts.port is not None and not parts.netloc.endswith(f":{parts.port}"):
        return "must have a port without zeros in front."
    if parts.path.endswith("/"):
        return "must not end with a slash."
    if "/.well-known" in parts.path:
        return "must be the URL of the API, not that of its metadata."
    if _PATH.fullmatch(parts.path) is None:
        return (
            "must have a path of ASCII letters, digits and . _ ~ : @ - without empty segments, dot segments and "
            "percent signs."
        )
    return None


def _is_host(netloc: str, host: str) -> bool:
    """Tell whether a client writes the host of a URL in the same way."""
    if netloc.startswith("[") or _IN_NUMBERS.search(host):
        # RFC 5952 §4; an address with a zone means nothing to others.
        return "%" not in host and _is_shortest(host)
    return HOST_NAME.fullmatch(host) is not None and ".." not in host


def _is_shortest(address: str) -> bool:
    try:
        return str(ip_address(address)) == address
    except ValueError:
        return False


RESOURCE = texts(_check_resources, "an https URL or a list of them")


def _check_scopes(names: tuple[str, ...], place: Place) -> None:
    for name in names:
        if not _is_scope(name):
            place.refuse("must hold scopes: names of printable ASCII without spaces, quotes and backslashes.")
            return
    if named := [name for name in names if name in _OF_OPENID]:
        place.refuse(
            f"holds {' and '.join(named)}: scopes of OpenID Connect ask for something about the user, not "
            "for this API. Take them out; a client that needs them asks by itself."
        )


def _is_scope(name: object) -> bool:
    try:
        return isinstance(name, str) and scope_names(name) == (name,)
    except TypeError:
        return False


def _check_scope(name: str, place: Place) -> None:
    if not _is_scope(name):
        place.refuse("must be one scope: printable ASCII without spaces, quotes and backslashes.")


SCOPE = text(_check_scope, "a scope")


def _read_scopes(value: Any, place: Place) -> Any:
    if isinstance(value, str) and value.strip():
        if is_broken_json(value, place):
            return ()
        if "," in value:
            place.refuse("holds a comma; write spaces between several scopes, or write them as a list.", AS_LIST)
            return ()
        # As in a guard.
        value = value.split(" ")
    return _LIST_OF_SCOPES.read(value, place)


_LIST_OF_SCOPES = texts(_check_scopes)
SCOPES = Kind("scopes: a text with spaces between them, or a list", _read_scopes)


def _check_name(name: str, place: Place) -> None:
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        place.refuse(f"must be printable text of at most {_LONGEST_NAME} characters.")


NAME = text(_check_name)


def _check_page(url: str, place: Place) -> None:
    if not is_well_formed(url) or is_plain_http(url) or not has_only_characters_of_urls(url):
        place.refuse(
            "must be the https URL of a page, without user, in characters of URLs; encode others with percent."
        )


PAGE = text(_check_page, "an https URL")


def _read_implies(value: Any, place: Place) -> Any:
    example = """'{"tasks:write": ["tasks:read"]}'"""
    if not isinstance(value, Mapping):
        place.refuse("must be a mapping of scopes to the scopes that each implies.", example)
        return {}
    implies = {name: (names,) if isinstance(names, str) else names for name, names in value.items()}
    if not all(isinstance(names, list | tuple) for names in implies.values()) or not all(
        map(_is_scope, (*implies, *(name for names in implies.values() for name in names)))
    ):
        place.refuse("must map scopes to lists of scopes: names of printable ASCII without spaces and quotes.", example)
        return {}
    try:
        return closed_over(implies)
    except ValueError as error:
        place.refuse(f"goes round in a circle: the scope of entry {error} implies itself, or one that implies it.")
        return {}


IMPLIES = Kind("a mapping of scopes to lists of scopes", _read_implies)
