"""The proxy of the environment through which an issuer is asked, and settings for proxies that have no effect.

``HTTPS_PROXY`` and ``NO_PROXY`` are read as :mod:`urllib.request` reads them. A proxy is asked to connect us to the
issuer (CONNECT, RFC 9110 §9.3.6), so it sees nothing of the keys and can change nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from .urls import is_fetchable, is_loopback, redacted

#: The ports of proxies whose URL has none, by scheme.
_PORTS = {"http": 80, "https": 443}

#: The port for any other scheme, which is some kind of SOCKS.
_SOCKS_PORT = 1080


class UnreadableProxyError(ValueError):
    """The proxy in the environment is not a URL with a host."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. It is always asked in plain HTTP, whatever the scheme of its URL, as urllib does."""

    host: str
    port: int
    #: For logs: its URL without user and password.
    name: str
    #: In lower case.
    scheme: str
    #: The value of ``Proxy-Authorization``; None if its URL has no user.
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, text: str) -> Proxy:
        """Read ``http://user:password@host:port``, of which the host alone is needed.

        Raises:
            UnreadableProxyError: there is no host in it, or the port is not a number.
        """
        scheme, _, rest = text.strip().rpartition("://")
        scheme = scheme.lower() or "http"
        # The last @ ends the password, which may hold others.
        credentials, has_credentials, place = rest.rpartition("@")
        try:
            parts = urlsplit(f"//{place}")
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise UnreadableProxyError from error
        if not host:
            raise UnreadableProxyError
        return cls(
            host=host,
            port=_PORTS.get(scheme, _SOCKS_PORT) if port is None else port,
            name=redacted(f"{scheme}://{parts.netloc}"),
            scheme=scheme,
            authorization=_basic(credentials) if has_credentials else None,
        )


def _basic(credentials: str) -> str:
    """Return user and password as a header has them (RFC 7617 §2); both may be percent-encoded in a URL."""
    user, _, password = credentials.partition(":")
    return f"Basic {b64encode(f'{unquote(user)}:{unquote(password)}'.encode()).decode()}"


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy through which a URL is asked; None if it is asked directly.

    Plain http is always asked directly. A proxy that answered instead of the issuer could choose the keys.

    Raises:
        UnreadableProxyError: the environment names something that cannot be used.
    """
    parts, named = urlsplit(url), getproxies().get("https")
    if not named or parts.scheme != "https" or is_loopback(url) or proxy_bypass(parts.netloc):
        return None
    return Proxy.from_url(named)


def remarks(url: str) -> Iterator[str]:
    """Yield what the environment says about proxies without effect on the way to a URL, a sentence each."""
    # A location that the service has written itself may have any text for a name.
    if not is_fetchable(url) or is_loopback(url) or urlsplit(url).scheme != "https":
        return
    parts, named = urlsplit(url), getproxies()
    host = parts.hostname or ""
    try:
        proxy = proxy_for(url)
    except UnreadableProxyError:
        # The fetch fails, and says so.
        return
    if proxy is None:
        if "all" in named and "https" not in named:
            yield f"ALL_PROXY is not read here, so {host} is asked directly. Set HTTPS_PROXY for a proxy."
        return
    if proxy.scheme != "http":
        yield (
            f"HTTPS_PROXY is {proxy.name}, which is spoken to in plain HTTP: the scheme has no effect here. Give the "
            "address of an HTTP proxy, such as http://proxy.example.com:3128."
        )
    for entry in _meant_for(host, parts.port or 443, named.get("no", "")):
        yield (
            f"NO_PROXY means {host} with {ascii(entry)[1:-1]}, a form that has no effect here, so it is asked through "
            f"{proxy.name}. Write {host}, or the end of its name, between commas."
        )


def _meant_for(host: str, port: int, no_proxy: str) -> Iterator[str]:
    """Yield the entries of ``NO_PROXY`` that exclude a host for other programs, but have no effect here."""
    for entry in filter(None, re.split(r"[,;|\s]+", no_proxy)):
        pattern = re.sub(rf"^[a-z0-9+.-]+://|(:{port})?/*$", "", entry.lower()).strip("[]")
        if pattern == "*" or _is_in_network(host, pattern):
            yield entry
            continue
        # "*.example.com", "*example.com", "example.com.": they end in what the name may end in.
        suffix = pattern.lstrip("*").strip(".")
        if suffix and f".{host}".endswith(f".{suffix}"):
            yield entry


def _is_in_network(host: str, pattern: str) -> bool:
    """Tell whether a host is an address in a network such as ``10.0.0.0/8``."""
    with suppress(ValueError):
        return ip_address(host) in ip_network(pattern, strict=False)
    return False
