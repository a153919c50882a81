"""Headers of every answer: what browsers must not do with it, and the id its log lines carry.

A header that a view has set stays as it is; ``/docs`` sets a Content-Security-Policy of its own. What concerns tokens
(``WWW-Authenticate``, ``Vary``, ``Cache-Control``) is set by :mod:`auth`.
"""

from __future__ import annotations

from flask import Flask, Response, request

from auth import audit

#: For answers that are data: nothing in them is ever to be loaded, run or framed.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

#: Two years, in seconds, and for this host alone: of others we know nothing. Over https only (RFC 6797 §7.2).
STRICT_TRANSPORT_SECURITY = "max-age=63072000"


def register_response_headers(app: Flask) -> None:
    """Set the headers on all answers of the app, errors included."""
    app.after_request(set_response_headers)


def set_response_headers(response: Response) -> Response:
    """Add what the answer does not say yet."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
    response.headers["X-Request-ID"] = audit.request_id(request.environ)
    return response
