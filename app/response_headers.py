"""Headers of every answer: what browsers must not do with it, and the id its log lines carry.

A header that a view has set stays as it is; ``/docs`` sets a Content-Security-Policy of its own. What concerns tokens
(``WWW-Authenticate``, ``Vary``, ``Cache-Control``) is set by :mod:`auth`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: For answers that are data: nothing in them is ever to be loaded, run or framed.
SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)

#: The most characters of a header that holds a client's text. No answer has two of them, so that its headers stay below
#: 2 KiB together: proxies take a longer head for a fault of the server (nginx beyond 4 KiB, unless told otherwise).
LONGEST_HEADER = 1024

#: Two years, in seconds, and for this host alone: of others we know nothing. Over https only (RFC 6797 §7.2).
STRICT_TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=63072000")


def register_response_headers(app: Flask) -> None:
    """Set the headers on all answers of the app, errors included. Proxies are to be trusted around this."""
    # Flask documents this very assignment for middleware; mypy sees a method.
    app.wsgi_app = ResponseHeaders(app.wsgi_app, app.extensions["resource_server"].request_id)  # type: ignore[method-assign]


class ResponseHeaders:
    """A WSGI application that answers like another one, with the headers.

    Around the app and not in it: werkzeug looks through all headers of an answer for each one that is added.
    """

    def __init__(self, wsgi_app: WSGIApplication, request_id: Callable[[WSGIEnvironment], str]) -> None:
        self._wsgi_app = wsgi_app
        self._request_id = request_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            completed = [*headers, *missing(headers, environ), ("X-Request-ID", self._request_id(environ))]
            return start_response(status, completed, *exc_info)

        return self._wsgi_app(environ, start)


def missing(headers: list[tuple[str, str]], environ: WSGIEnvironment) -> list[tuple[str, str]]:
    """Return what the headers of an answer do not say yet."""
    is_secure = environ["wsgi.url_scheme"] == "https"
    defaults = (*SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY) if is_secure else SECURITY_HEADERS
    named = {name.lower() for name, _ in headers}
    return [header for header in defaults if header[0].lower() not in named]
