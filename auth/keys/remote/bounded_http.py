"""One GET of a JSON document from an issuer, bounded in time and size, with one kind of error.

No redirects, no cookies, no state, and https only, except for http to this machine and to hosts that are named.
"""

from __future__ import annotations

import http.client
import json
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from email.message import Message
from email.utils import parsedate_to_datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import urlsplit

from .codings import CodingError, TooLongError, content_codings, unpacked
from .connections import MAX_BYTES, Deadline, connection_to
from .faults import advice, advice_for_status, describe
from .proxies import proxy_for
from .urls import is_fetchable, redacted

_ACCEPT = "application/jwk-set+json, application/json"

#: A number of seconds. Longer numbers make no sense and take long to convert.
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)

#: How every gzip file begins (RFC 1952 §2.3.1).
_GZIP = b"\x1f\x8b"

_NOT_JSON = "The URL has to be that of the document itself, in JSON, for a client without a login."


class FetchError(Exception):
    """A document could not be fetched. The message is our own and quotes nothing of the answer."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        #: What to do about it, in whole sentences; empty if there is nothing to say.
        self.advice = advice


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


def fetch_json(url: str, deadline: Deadline, http_hosts: frozenset[str] = frozenset()) -> Document:
    """Fetch a JSON object. Connecting, TLS, headers and body must be over by the deadline.

    Plain http is for this machine and ``http_hosts``. Nothing can interrupt the look-up of the host name, so a broken
    resolver may take longer.

    Raises:
        FetchError: the fetch failed; an :class:`UnexpectedAnswerError` if the answer was wrong.
    """
    name, proxy = redacted(url), None
    if not is_fetchable(url, http_hosts):
        raise FetchError(f"{name} is not an https URL")
    try:
        proxy = proxy_for(url)
        with closing(connection_to(url, proxy, deadline)) as connection:
            connection.request("GET", _target(url), headers=_headers())
            with connection.getresponse() as response:
                return _read_document(response, name)
    except (OSError, http.client.HTTPException, ValueError) as error:
        # ValueError: host names that IDNA refuses, and headers that cannot be parsed.
        raise FetchError(f"{name} {describe(error, proxy)}", advice(error, url)) from error


def _target(url: str) -> str:
    """Return the part of a URL that goes into the request line (RFC 9112 §3.2.1)."""
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"


def _headers() -> dict[str, str]:
    return {"User-Agent": _user_agent(), "Accept": _ACCEPT, "Accept-Encoding": "identity", "Connection": "close"}


@cache
def _user_agent() -> str:
    """Return our own name, because firewalls in front of issuers refuse ``Python-urllib``."""
    try:
        return f"flask-resource-server/{version('flask-resource-server')}"
    except PackageNotFoundError:
        return "flask-resource-server"


def _read_document(response: http.client.HTTPResponse, name: str) -> Document:
    if response.status != http.HTTPStatus.OK:
        redirect = ", a redirect, which is not followed" if 300 <= response.status < 400 else ""
        message = f"{name} answered with status {response.status}{redirect}"
        raise UnexpectedAnswerError(message, advice_for_status(response.status))
    try:
        content = _parse_document(_read_body(response, name), content_codings(response.headers), name)
    except TooLongError as error:
        raise UnexpectedAnswerError(f"{name} answered with more than {MAX_BYTES} bytes", _NOT_JSON) from error
    return Document(content=content, max_age=_max_age(response.headers), date=_date(response.headers))


def _read_body(response: http.client.HTTPResponse, name: str) -> bytes:
    if response.length is not None and response.length > MAX_BYTES:
        raise TooLongError
    # One byte more than allowed shows that the document is too long.
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLongError
    if response.length:
        raise FetchError(f"{name} closed the connection in the middle of its answer")
    return body


def _parse_document(body: bytes, codings: list[str], name: str) -> dict[str, Any]:
    content = _json_object(body)
    # Some servers name a coding that they do not use, or something that is not a coding, such as utf-8. Others do not
    # name it, or a proxy has lost the name. JSON never begins like gzip.
    codings = codings or ["gzip"] * body.startswith(_GZIP)
    if content is None and codings:
        try:
            body = unpacked(body, codings, MAX_BYTES)
        except CodingError as error:
            raise UnexpectedAnswerError(
                f"{name} answered {error}",
                "Nobody asked for a coding (RFC 9110 §8.4): have the server, or the cache in front of it, send none.",
            ) from error
        content = _json_object(body)
    if content is None:
        raise UnexpectedAnswerError(f"{name} answered with {_kind_of(body)}", _NOT_JSON)
    return content


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        # RFC 8259 §8.1: a byte order mark may be ignored.
        content = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        # ValueError includes UnicodeDecodeError, JSONDecodeError and integers that are too long.
        return None
    return content if isinstance(content, dict) else None


def _kind_of(body: bytes) -> str:
    """Describe a body that is not a JSON object."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text in UTF-16; JSON has to be in UTF-8 (RFC 8259 §8.1)"
    if body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "HTML or XML, which is not a JSON object"
    return "something that is not a JSON object"


def _max_age(headers: Message) -> float | None:
    """Return how many seconds an answer may be kept (RFC 9111 §4.2); the strictest of several directives counts."""
    directives = [part.strip().lower() for value in headers.get_all("Cache-Control", []) for part in value.split(",")]
    if "no-store" in directives or "no-cache" in directives:
        return 0
    values = [part.removeprefix("max-age=").strip('"') for part in directives if part.startswith("max-age=")]
    limits = [int(value) for value in values if _SECONDS.fullmatch(value)]
    if not limits:
        return None
    return max(0, min(limits) - _age(headers))


def _age(headers: Message) -> int:
    """Return how many seconds an answer has been in caches on the way (RFC 9111 §5.1)."""
    age = headers.get("Age", "0").strip()
    return int(age) if _SECONDS.fullmatch(age) else 0


def _date(headers: Message) -> float | None:
    """Return what the clock of the issuer shows now. The header says when it made the answer (RFC 9110 §6.6.1)."""
    try:
        date = parsedate_to_datetime(headers.get("Date", ""))
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp() + _age(headers)
    except (ValueError, TypeError, IndexError, OverflowError):
        # The standard library's parser fails on odd dates in all of these ways.
        return None
