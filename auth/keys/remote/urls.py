"""URLs of issuers: which may be asked for keys, and how a log names them."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: The most characters of a URL that are logged.
_LONGEST_LOGGED = 200

#: A valid address in brackets. Some versions of Python ignore other text around the brackets.
_BRACKETED = re.compile(r"\[[^][]+\](:[0-9]*)?")

#: Reserved, unreserved and percent-encoded characters (RFC 3986 §2).
_OF_URLS = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


def is_plain_http(url: str, allowed: frozenset[str] = frozenset()) -> bool:
    """Tell whether a URL sends data over the network unencrypted: ``http``, and not to this machine.

    The hosts in ``allowed`` count as this machine; they are in lower case.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return True
    return parts.scheme == "http" and host not in allowed and not is_loopback(url)


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    authority = parts.netloc.rpartition("@")[2]
    if "[" in authority and not _BRACKETED.fullmatch(authority):
        return False
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_fetchable(url: str, http_hosts: frozenset[str] = frozenset()) -> bool:
    """Tell whether keys may be fetched from a URL: ``https``, or ``http`` to this machine or one of some hosts."""
    return is_well_formed(url) and not is_plain_http(url, http_hosts)


def is_well_formed(url: str) -> bool:
    """Tell whether a URL names a web server: a host and no user, in printable ASCII."""
    if not (url.isascii() and url.isprintable()) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        # Reading the port raises ValueError if it is not a number.
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.scheme in ("https", "http") and "@" not in parts.netloc


def has_only_characters_of_urls(url: str) -> bool:
    """Tell whether a URL holds what may stand in one (RFC 3986 §2), and so no quotes, angle brackets or backslashes."""
    return _OF_URLS.fullmatch(url) is not None


def redacted(url: str) -> str:
    """Return a URL for a log: without user, password, query and fragment, which may be secret, and cut off if long."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable URL"
    text = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return ascii(text)[1:-1][:_LONGEST_LOGGED]
