"""One GET of a JSON document from an issuer, bounded in time and size, with one kind of error.

No redirects, no cookies, no state, and https only, except for http to this machine.
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

from .urls import is_fetchable, is_loopback, redacted

#: The longest document that is read, in bytes. Key sets have a few thousand.
MAX_BYTES = 1_048_576

#: The most bytes that are read in all, including headers and the framing of chunks.
_MAX_BYTES_IN_ALL = 2 * MAX_BYTES

_ACCEPT = "application/jwk-set+json, application/json"

#: A number of seconds. Longer numbers make no sense and take long to convert.
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)

#: The verification errors of OpenSSL (X509_V_ERR_…) in our words.
_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "is signed by an authority that is not trusted here",
    20: "is signed by an authority that is not trusted here",
    21: "is signed by an authority that is not trusted here",
    62: "is for another host",
    64: "is for another host",
}


class FetchError(Exception):
    """A document could not be fetched. The message is our own and quotes nothing of the answer."""


class UnexpectedAnswerError(FetchError):
    """The server answered, but not with status 200 and a JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A JSON object from an issuer, and what the headers say about it."""

    content: dict[str, Any]
    #: Seconds for which it may be kept (RFC 9111 §5.2.2); None if the server does not say.
    max_age: float | None
    #: The server's clock in seconds since the epoch; None if it does not show one.
    date: float | None


class Deadline:
    """The time by which everything must be done, however many steps it takes."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: no time is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def fetch_json(url: str, deadline: Deadline) -> Document:
    """Fetch a JSON object. Connecting, TLS, headers and body must be over by the deadline.

    Nothing can interrupt the look-up of the host name, so a broken resolver may take longer.

    Raises:
        FetchError: the fetch failed; an :class:`UnexpectedAnswerError` if the answer was wrong.
    """
    name = redacted(url)
    if not is_fetchable(url):
        raise FetchError(f"{name} is not an https URL")
    try:
        with _opener(url, deadline).open(_request(url), timeout=deadline.remaining()) as response:
            if response.status != http.HTTPStatus.OK:
                redirect = ", a redirect, which is not followed" if 300 <= response.status < 400 else ""
                raise UnexpectedAnswerError(f"{name} answered with status {response.status}{redirect}")
            content = _parse_document(_read_body(response, name), name)
            return Document(content=content, max_age=_max_age(response.headers), date=_date(response.headers))
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: host names that IDNA refuses, and headers that cannot be parsed.
        raise FetchError(f"{name} {_describe(error)}") from error


def _request(url: str) -> urllib.request.Request:
    headers = {"User-Agent": _user_agent(), "Accept": _ACCEPT, "Accept-Encoding": "identity"}
    return urllib.request.Request(url, headers=headers)  # noqa: S310  # is_fetchable lets https and loopback http pass


@cache
def _user_agent() -> str:
    """Return our own name, because firewalls in front of issuers refuse ``Python-urllib``."""
    try:
        return f"flask-resource-server/{version('flask-resource-server')}"
    except PackageNotFoundError:
        return "flask-resource-server"


def _opener(url: str, deadline: Deadline) -> urllib.request.OpenerDirector:
    """Return an opener that only knows HTTP: it follows no redirect and opens no file.

    Proxies come from the environment. This machine is asked directly: a proxy cannot reach it, and a proxy that
    answered over plain http in its place could choose the keys.
    """
    opener = urllib.request.OpenerDirector()
    opener.addheaders = []
    if not is_loopback(url):
        opener.add_handler(urllib.request.ProxyHandler())
    # The TLS context takes long to make, so plain http goes without.
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
        # Made for each fetch: a context from before gevent's patches does not work after them.
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
    """Bind a connection to a deadline, by replacing its response class and its way to connect."""
    connection.response_class = partial(_Response, deadline=deadline)
    connection._create_connection = partial(_connect, deadline)


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


class _Response(http.client.HTTPResponse):
    """An answer of which every byte, including status line and headers, must arrive before the deadline."""

    def __init__(self, sock: socket.socket, *arguments: Any, deadline: Deadline, **settings: Any) -> None:
        super().__init__(sock, *arguments, **settings)
        self.fp = io.BufferedReader(_BoundedReads(self.fp.detach(), sock, deadline))


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


def _read_body(response: http.client.HTTPResponse, name: str) -> bytes:
    too_long = f"{name} answered with more than {MAX_BYTES} bytes"
    if response.length is not None and response.length > MAX_BYTES:
        raise UnexpectedAnswerError(too_long)
    # One byte more than allowed shows that the document is too long.
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise UnexpectedAnswerError(too_long)
    if response.length:
        raise FetchError(f"{name} closed the connection in the middle of its answer")
    return body


def _parse_document(body: bytes, name: str) -> dict[str, Any]:
    try:
        # RFC 8259 §8.1: a byte order mark may be ignored.
        content = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        # ValueError includes UnicodeDecodeError, JSONDecodeError and integers that are too long.
        content = None
    if not isinstance(content, dict):
        raise UnexpectedAnswerError(f"{name} answered with something that is not a JSON object")
    return content


def _describe(error: Exception) -> str:
    """Return in our words what went wrong on the way to the server or back."""
    cause = error.reason if isinstance(error, URLError) else error
    match cause:
        case TimeoutError():
            return "did not answer in time"
        case ssl.SSLCertVerificationError(verify_code=code):
            return f"has a certificate that {_CERTIFICATE_FAULTS.get(code, 'is not trusted')}"
        case ssl.SSLError():
            return "failed the TLS handshake"
        case socket.gaierror():
            return "has a host name that cannot be resolved"
        case ConnectionRefusedError():
            return "refuses connections"
        case ConnectionError() | http.client.IncompleteRead():
            return "closed the connection"
        case http.client.HTTPException():
            return "did not answer in valid HTTP"
        case _:
            return "cannot be reached"


def _max_age(headers: Message) -> float | None:
    """Return how many seconds an answer may be kept (RFC 9111 §4.2); the strictest of several directives counts."""
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
        # The standard library's parser fails on odd dates in all of these ways.
        return None
