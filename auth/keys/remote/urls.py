"""URLs that keys come from: which of them may be asked at all, and how they are named in a log."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: Characters of a URL that are shown; the rest of a longer one is left out.
_LONGEST_SHOWN = 200

#: An address in brackets as it has to be: some versions of Python read past whatever else stands around them.
_BRACKETED = re.compile(r"\[[^][]+\](:[0-9]*)?")


def is_plain_http(url: str) -> bool:
    """Tell whether a URL would go over the network unencrypted: ``http``, and not to this machine itself."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        return True
    return scheme == "http" and not is_loopback(url)


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine itself."""
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


def is_fetchable(url: str) -> bool:
    """Tell whether keys may be fetched from a URL: ``https``, or ``http`` to this machine; printable ASCII only."""
    if not (url.isascii() and url.isprintable()) or " " in url or is_plain_http(url):
        return False
    parts = urlsplit(url)
    try:
        # Reading the port is what finds out whether it is one.
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_host and parts.scheme in ("https", "http") and "@" not in parts.netloc


def shown(url: str) -> str:
    """Return a URL for a log: without user, password, query and fragment, where secrets may stand, and not too long."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable URL"
    text = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return ascii(text)[1:-1][:_LONGEST_SHOWN]
