"""One GET of a JSON document from an issuer: bounded in time and size, and failing in one way only.

No redirects, no schemes but https (http to this machine itself), no cookies, nothing kept. What an answer means is
somebody else's business.
"""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import ssl
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.error import URLError

from .urls import is_fetchable, is_loopback, shown

#: The longest document that is read, in bytes; key sets have a few thousand.
MAX_BYTES = 1_048_576

#: The most bytes that are read altogether, headers and what chunks are wrapped in included.
_MAX_BYTES_IN_ALL = 2 * MAX_BYTES

_ACCEPT = "application/jwk-set+json, application/json"

#: Longer numbers of seconds are no sensible answer, and take long to convert.
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)

#: What OpenSSL says about a certificate, in our words (X509_V_ERR_…).
_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself",
    19: "comes from an authority that is not trusted here",
    20: "comes from an authority that is not trusted here",
    21: "comes from an authority that is not trusted here",
    62: "is for another host",
    64: "is for another host",
}


class FetchError(Exception):
    """A document could not be had; the message is a sentence of our own that quotes nothing of the answer."""


class UnexpectedAnswerError(FetchError):
    """The server did answer, but not with status 200 and a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON object from an issuer, and what the headers say about it."""

    content: dict[str, Any]
    #: Seconds for which it may be kept (RFC 9111 §5.2.2); None where the server says nothing.
    max_age: float | None
    #: The server's clock in seconds since the epoch; None where it does not show it.
    date: float | None


class Deadline:
    """A point in time by which everything has to be done, however many steps it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def fetch_json(url: str, deadline: Deadline) -> Document:
    """Fetch a JSON object; connecting, TLS, headers and body have to be over by the deadline.

    Looking up the host name alone cannot be interrupted, so a broken resolver may take longer.

    Raises:
        FetchError: for whatever reason; an :class:`UnexpectedAnswerError` where it is the answer.
    """
    name = shown(url)
    if not is_fetchable(url):
        raise FetchError(f"{name} is not an https URL")
    try:
        with _opener(url, deadline).open(_request(url), timeout=deadline.remaining()) as response:
            if response.status != http.HTTPStatus.OK:
                raise UnexpectedAnswerError(f"{name} {_describe_status(response.status)}")
            content = _parse_object(_read_body(response, name), name)
            return Document(content=content, max_age=_max_age(response.headers), date=_date(response.headers))
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: host names that IDNA refuses, and headers that cannot be taken apart.
        raise FetchError(f"{name} {_describe(error)}") from error


def _request(url: str) -> urllib.request.Request:
    headers = {"User-Agent": _user_agent(), "Accept": _ACCEPT, "Accept-Encoding": "identity"}
    return urllib.request.Request(url, headers=headers)  # noqa: S310  # is_fetchable lets https and loopback http pass


@cache
def _user_agent() -> str:
    """Return our own name: ``Python-urllib`` is what firewalls in front of issuers refuse."""
    try:
        return f"flask-resource-server/{version('flask-resource-server')}"
    except PackageNotFoundError:
        return "flask-resource-server"


def _opener(url: str, deadline: Deadline) -> urllib.request.OpenerDirector:
    """Return an opener that knows nothing but HTTP: it follows no redirect and opens no file.

    Proxies come from the environment. This machine itself is asked directly: a proxy cannot reach it, and whatever a
    proxy answered over plain http in its place would decide whom we trust.
    """
    opener = urllib.request.OpenerDirector()
    opener.addheaders = []
    if not is_loopback(url):
        opener.add_handler(urllib.request.ProxyHandler())
    # What https needs takes time to make, which is missing from a fetch that goes without.
    is_https = url.lower().startswith("https:")
    opener.add_handler(_HTTPSHandler(deadline) if is_https else _HTTPHandler(deadline))
    return opener


class _HTTPHandler(urllib.request.HTTPHandler):
    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HTTPConnection, deadline=self._deadline), req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, deadline: Deadline) -> None:
        # Made for each fetch: a context that is older than gevent's patches would not work after them.
        self._fresh_context = ssl.create_default_context()
        super().__init__(context=self._fresh_context)
        self._deadline = deadline

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_HTTPSConnection, deadline=self._deadline), req, context=self._fresh_context)


class _HTTPConnection(http.client.HTTPConnection):
    def __init__(self, *arguments: Any, deadline: Deadline, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        _bound(self, deadline)


class _HTTPSConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, deadline: Deadline, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        _bound(self, deadline)


def _bound(connection: Any, deadline: Deadline) -> None:
    """Hold a connection to a deadline, through the two places where http.client lets its parts be replaced."""
    connection.response_class = partial(_Response, deadline=deadline)
    connection._create_connection = partial(_connect, deadline)


def _connect(deadline: Deadline, address: tuple[str, int], *_: object) -> socket.socket:
    """Connect to the first address that answers; a silent one takes its share of the time, not all of it."""
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


class _Response(http.client.HTTPResponse):
    """An answer whose every byte, status line and headers included, has to come before the deadline."""

    def __init__(self, sock: socket.socket, *arguments: Any, deadline: Deadline, **settings: Any) -> None:
        super().__init__(sock, *arguments, **settings)
        self.fp = io.BufferedReader(_BoundedReads(self.fp.detach(), sock, deadline))


class _BoundedReads(io.RawIOBase):
    """A socket's reading end. Timeouts of sockets start anew with every byte; here what is left gets less."""

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
        # For whoever uses the socket next: behind a proxy that is the start of TLS.
        self._connection.settimeout(self._deadline.remaining())
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def _read_body(response: http.client.HTTPResponse, name: str) -> bytes:
    too_long = f"{name} answered with more than {MAX_BYTES} bytes"
    if response.length is not None and response.length > MAX_BYTES:
        raise UnexpectedAnswerError(too_long)
    # One more than allowed tells a longest document from one that goes on.
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise UnexpectedAnswerError(too_long)
    if response.length:
        raise FetchError(f"{name} broke off in the middle of its answer")
    return body


def _parse_object(body: bytes, name: str) -> dict[str, Any]:
    try:
        # RFC 8259 §8.1: a byte order mark may be passed over.
        content = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        # ValueError covers UnicodeDecodeError, JSONDecodeError and integers of absurd length.
        content = None
    if not isinstance(content, dict):
        raise UnexpectedAnswerError(f"{name} answered with something that is not a JSON object")
    return content


def _describe_status(status: int) -> str:
    if 300 <= status < 400:
        return f"answered with a redirect ({status}), which is not followed"
    return f"answered with status {status}"


def _describe(error: Exception) -> str:
    """Say in our words what went wrong on the way to the server or back."""
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case TimeoutError():
            return "did not answer in time"
        case ssl.SSLCertVerificationError(verify_code=code):
            return f"has a certificate that {_CERTIFICATE_FAULTS.get(code, 'is not to be trusted')}"
        case ssl.SSLError():
            return "could not agree with us on a TLS connection"
        case socket.gaierror():
            return "has a host name that cannot be found"
        case ConnectionRefusedError():
            return "refuses connections"
        case ConnectionError() | http.client.IncompleteRead():
            return "broke the connection off"
        case http.client.HTTPException():
            return "does not speak HTTP as it should"
        case _:
            return "cannot be reached"


def _max_age(headers: Message) -> float | None:
    """Return for how long an answer may be kept (RFC 9111 §4.2); of several statements the strictest counts."""
    directives = [part.strip().lower() for value in headers.get_all("Cache-Control", []) for part in value.split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return 0
    values = [part.removeprefix("max-age=").strip('"') for part in directives if part.startswith("max-age=")]
    limits = [int(value) for value in values if _SECONDS.fullmatch(value)]
    if not limits:
        return None
    age = headers.get("Age", "0").strip()
    return max(0, min(limits) - (int(age) if _SECONDS.fullmatch(age) else 0))


def _date(headers: Message) -> float | None:
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        # The standard library's parser stumbles over odd dates in all of these ways.
        return None
