"""Connections to issuers, direct or through a proxy, on which everything must be over by a deadline.

They know no redirects and no cookies. One connection is for one request.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ...clock import steady_time
from .proxies import Proxy

#: The longest document that is read, in bytes. Key sets have a few thousand.
MAX_BYTES = 1_048_576

#: The most bytes that are read in all, including headers and the framing of chunks.
_MAX_BYTES_IN_ALL = 2 * MAX_BYTES


class Deadline:
    """The time by which everything must be done, however many steps it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = steady_time() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: no time is left.
        """
        left = self._end - steady_time()
        if left <= 0:
            raise TimeoutError
        return left


class ProxyError(OSError):
    """The proxy did not connect us to the issuer; its cause says why, unless it answered with a ``status``."""

    def __init__(self, proxy: Proxy, status: int | None = None) -> None:
        super().__init__(proxy, status)
        self.proxy = proxy
        self.status = status


def connection_to(url: str, proxy: Proxy | None, deadline: Deadline) -> http.client.HTTPConnection:
    """Return a connection to the host of a URL, which is made when the request is sent."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Checked here, before more is made for a connection whose host cannot be found.
    remaining = deadline.remaining()
    connection: Any
    if parts.scheme == "https":
        # Made for each fetch: a context from before gevent's patches does not work after them.
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port or 443, timeout=remaining, context=context)
    else:
        # A TLS context takes long to make, so plain http goes without.
        connection = http.client.HTTPConnection(host, parts.port or 80, timeout=remaining)
    connect = _connect if proxy is None else partial(_connect_through, proxy)
    # What http.client calls to connect; it has no public way in.
    connection._create_connection = partial(connect, deadline)
    connection.response_class = partial(_Response, deadline=deadline)
    made: http.client.HTTPConnection = connection
    return made


def _connect(deadline: Deadline, address: tuple[str, int], *_: object) -> socket.socket:
    """Connect to the first address that answers. A silent address takes its share of the time, not all of it."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    failure = OSError()
    for tried, (family, kind, protocol, _name, where) in enumerate(found):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(deadline.remaining() / (len(found) - tried))
            connection.connect(where)
            connection.settimeout(deadline.remaining())
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _connect_through(proxy: Proxy, deadline: Deadline, address: tuple[str, int], *_: object) -> socket.socket:
    """Ask a proxy for a tunnel to an address (CONNECT, RFC 9110 §9.3.6).

    Raises:
        ProxyError: the proxy does not open one.
    """
    try:
        connection = _connect(deadline, (proxy.host, proxy.port))
        try:
            status = _ask_for_tunnel(connection, proxy, deadline, address)
        except BaseException:
            connection.close()
            raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: a host name that IDNA refuses, and headers that cannot be parsed.
        raise ProxyError(proxy) from error
    if not 200 <= status < 300:
        connection.close()
        raise ProxyError(proxy, status)
    return connection


def _ask_for_tunnel(connection: socket.socket, proxy: Proxy, deadline: Deadline, address: tuple[str, int]) -> int:
    """Send the request for a tunnel and return the status of the answer."""
    host, port = address
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    with _Response(connection, method="CONNECT", deadline=deadline) as response:
        response.begin()
        return response.status


class _Response(http.client.HTTPResponse):
    """An answer of which every byte, including status line and headers, must arrive before the deadline."""

    def __init__(self, sock: socket.socket, *arguments: Any, deadline: Deadline, **settings: Any) -> None:
        super().__init__(sock, *arguments, **settings)
        self.fp = io.BufferedReader(_BoundedReads(self.fp.detach(), sock, deadline))

    def begin(self) -> None:
        """Read up to the body of the final answer. Interim ones may come before it (RFC 9110 §15.2)."""
        super().begin()
        # 101 is final: it changes the protocol, which nobody asked for.
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]  # how http.client knows that it has not begun
            super().begin()


class _BoundedReads(io.RawIOBase):
    """A socket's reading end, with one deadline for all reads: a socket's own timeout starts again with each read."""

    def __init__(self, stream: Any, connection: socket.socket, deadline: Deadline) -> None:
        self._stream = stream
        self._connection = connection
        self._deadline = deadline
        self._allowed = _MAX_BYTES_IN_ALL

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._connection.settimeout(self._deadline.remaining())
        count: int = self._stream.readinto(buffer)
        self._allowed -= count
        if self._allowed < 0:
            raise http.client.HTTPException
        # For the next step on this socket: behind a proxy, that is the TLS handshake.
        self._connection.settimeout(self._deadline.remaining())
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
