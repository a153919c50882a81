"""Origins of other servers (RFC 6454), as settings name them and as browsers write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit


def http_hosts(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the hosts that plain http is allowed to. The library judges whether that makes sense."""
    hosts = config.get("AUTH_INSECURE_HTTP_HOSTS") or ()
    named = [hosts] if isinstance(hosts, str) else hosts
    return (
        frozenset(host.lower() for host in named if isinstance(host, str))
        if isinstance(named, Iterable)
        else frozenset()
    )


def parse_origin(url: object, http_hosts: frozenset[str] = frozenset()) -> str | None:
    """Return the origin (RFC 6454) that a URL consists of, without a slash at the end, or None if it holds more.

    Plain http is for loopback and ``http_hosts``.
    """
    # As browsers write it: a name outside ASCII becomes punycode.
    if not isinstance(url, str) or not url.isascii() or any(character.isspace() for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    allowed = parts.scheme == "https" or (parts.scheme == "http" and (host in http_hosts or _is_loopback(host)))
    if not host or not allowed or _has_more_than_an_origin(parts):
        return None
    shown = f"[{host}]" if ":" in host else host
    default_port = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, default_port) else "")


def _has_more_than_an_origin(parts: SplitResult) -> bool:
    """Tell whether a URL carries a path, a query, a fragment or a user."""
    return parts.path not in ("", "/") or bool(parts.query or parts.fragment) or "@" in parts.netloc


def _is_loopback(host: str) -> bool:
    """Tell whether a host name always means this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
