"""Headers of every answer: what browsers must not do with it, and the id in its log lines.

A header that a view has set stays unchanged: ``/docs`` sets its own Content-Security-Policy. :mod:`auth` sets the
headers that concern tokens (``WWW-Authenticate``, ``Vary``, ``Cache-Control``), and knows the id of each request.

Flask-Talisman has had no release since 2023, and does not set ``Cross-Origin-Resource-Policy``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: For answers that are data: a browser must not load, run or frame anything in them.
SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)

#: The most characters of a header that holds text of a client. No answer has two such headers, so all headers together
#: stay below 2 KiB. Proxies take a longer head for a fault of the server (nginx beyond 4 KiB by default).
LONGEST_HEADER = 1024

#: Two years, in seconds, for this host alone: nothing is known of its subdomains. Over https only (RFC 6797 §7.2).
STRICT_TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=63072000")


def register_response_headers(app: Flask) -> None:
    """Set the headers on all answers of the app, errors included. Call :func:`trust_proxies` after this."""
    # Flask documents this very assignment for middleware; mypy sees a method.
    app.wsgi_app = ResponseHeaders(app.wsgi_app, app.extensions["resource_server"].request_id)  # type: ignore[method-assign]


class ResponseHeaders:
    """A WSGI application that answers like another one, with the headers.

    It wraps the app because werkzeug would look through all headers of an answer for each one that is added.
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
    """Return the headers that an answer does not have yet."""
    is_secure = environ["wsgi.url_scheme"] == "https"
    defaults = (*SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY) if is_secure else SECURITY_HEADERS
    named = {name.lower() for name, _ in headers}
    return [header for header in defaults if header[0].lower() not in named]
