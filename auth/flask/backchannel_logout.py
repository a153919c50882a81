"""Receives logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.5), and answers their issuer (§2.8).

Nothing is imported from here unless ``AUTH_LOGOUT_AUDIENCE`` is set. What a logout token says is judged in
:mod:`..tokens.logout_token`, and what ends by it in :mod:`..revocation.logout`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO

from flask import Flask, Request, Response

from ..errors import AuthError, MalformedRequestError
from ..revocation.logout import end_what_it_names
from ..tokens.logout_token import MAX_BYTES, verify_logout_token
from ..wire.challenges import body_for
from ..wire.logout_request import FIELD, parse_logout_request, pick_logout_token
from .audit import log_logout, log_refused_logout
from .declarations import mark_public
from .own_routes import add_own_routes
from .server import ServerState, this_app, this_request

#: The endpoint of the receiver.
ENDPOINT = "resource_server_backchannel_logout"

_TOO_LONG = f"the body is longer than {MAX_BYTES} bytes"


def receive_logouts(app: Flask, server: ServerState, path: str) -> None:
    """Answer logout requests at a path, and add its route to an app.

    The path alone decides. So no hook that the service adds later stands in between, such as a check of CSRF tokens,
    which an issuer has none of. The path is free.
    """

    def receive_logout(**_host: str) -> Response:
        request = this_request()
        request_id = server.request_id(request.environ)
        try:
            # Looked up at each request: a test may replace the issuers (auth.testing.local).
            verifier = server.authenticator.verifier
            logout = verify_logout_token(_logout_token_in(request), verifier, server.clock())
            end_what_it_names(logout, server.revocations)
        except AuthError as error:
            log_refused_logout(error, route=path, request_id=request_id)
            return _refusal(error)
        log_logout(issuer=logout.issuer, user_id=logout.user_id, route=path, request_id=request_id)
        return _answer(HTTPStatus.OK)

    def receive_by_path() -> Response | None:
        request = this_request()
        if request.path != path:
            return None
        return receive_logout() if request.method == "POST" else _other_method()

    mark_public(receive_logout)
    add_own_routes(app, [path], ENDPOINT, receive_logout, methods=["POST"])
    app.before_request(receive_by_path)


def _logout_token_in(request: Request) -> str:
    """Return the logout token in the form of a request."""
    length = request.content_length
    if length is not None and length > MAX_BYTES:
        raise MalformedRequestError(_TOO_LONG)
    if "form" in vars(request):
        # A hook of the service has parsed the form, and nothing is left of the body. The verifier bounds the token.
        return pick_logout_token(request.mimetype, request.mimetype_params, request.form.getlist(FIELD))
    return parse_logout_request(request.mimetype, request.mimetype_params, _body(request, length))


def _body(request: Request, length: int | None) -> bytes:
    """Return the body of a request, whose stated length is allowed. No more than is allowed is read."""
    try:
        body = _beginning(request.stream) if length is None else b""
        # A hook of the service may have read the stream to its end, and the request has kept the body then.
        body = body or request.get_data()
    except Exception as error:
        # Each server has errors of its own for a body that breaks off.
        raise MalformedRequestError("the body cannot be read") from error
    if len(body) > MAX_BYTES:
        raise MalformedRequestError(_TOO_LONG)
    return body


def _beginning(stream: IO[bytes]) -> bytes:
    """Return a body without a stated length, or as much of it as shows that it is too long."""
    body = b""
    while len(body) <= MAX_BYTES and (piece := stream.read(MAX_BYTES + 1 - len(body))):
        body += piece
    return body


def _refusal(error: AuthError) -> Response:
    """Return 503 if the token may be fine, and 400 otherwise, which says no more than §2.8 does."""
    if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
        return _answer(HTTPStatus.BAD_REQUEST, {"error": "invalid_request"})
    response = _answer(error.status, body_for(error))
    response.headers["Retry-After"] = str(error.retry_after)
    return response


def _other_method() -> Response:
    # Without an exception, because flask-smorest's handler for these loses the field.
    response = _answer(HTTPStatus.METHOD_NOT_ALLOWED)
    response.headers["Allow"] = "POST"
    return response


def _answer(status: HTTPStatus, body: Mapping[str, str | int] | None = None) -> Response:
    fields = {"Cache-Control": "no-store"}
    if body is not None:
        return this_app().response_class(json.dumps(body), status, fields, "application/json")
    response = this_app().response_class(status=status, headers=fields)
    # There is nothing that could be of any type.
    del response.headers["Content-Type"]
    return response
