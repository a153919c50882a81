"""The one edge at which a refusal becomes HTTP: status, header fields and body in one step.

The service may word the body, with an error handler for one of our error classes. It cannot change the status or lose
the challenge: what other error handlers and frameworks make of a refusal is put right again in :func:`complete`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request, Response
from werkzeug.exceptions import HTTPException

from ..errors import AuthError
from ..rules import Policy
from ..wire.challenges import body_for, headers_for
from .audit import log_refusal
from .current import verified_token
from .server import EXTENSION, ServerState, state_of, this_app, this_request

#: The key in the WSGI environ of what the request hook has refused.
REFUSED = "auth.refused"


class Refusal(HTTPException):
    """A refusal on its way out of a view, past whatever stands around it: an exception that brings its whole answer.

    Flask, Flask-RESTful and Connexion return such an answer as it is; none of them looks for an error handler.
    """

    def __init__(self, error: AuthError) -> None:
        super().__init__(error.message, answer(error))
        #: What was refused, for code that catches this.
        self.error = error
        #: The body for Flask-RESTX, which makes an answer of its own from the status and the header fields of ours.
        self.data = body_for(error)


def enforce_on_call(policy: Policy, arguments: Mapping[str, Any]) -> None:
    """Let the current request pass the rules of a function that is about to run; raise a :class:`Refusal` otherwise."""
    app = this_app()
    server: ServerState = app.extensions.get(EXTENSION) or state_of(app)
    try:
        server.enforce(policy, app, this_request(), arguments)
    except AuthError as error:
        raise Refusal(error) from error


def answer(error: AuthError, *, is_undeclared: bool = False) -> Response:
    """Return the answer to a refused request and log the refusal; ``is_undeclared`` says the route declares nothing."""
    app, request = this_app(), this_request()
    token = verified_token()
    log_refusal(
        error,
        route=request.url_rule.rule if request.url_rule is not None else "",
        request_id=state_of(app).request_id(request.environ),
        user_id=None if token is None else token.user_id,
        undeclared=is_undeclared,
    )
    return _completed(app.make_response(_worded(app, request, error)), error, state_of(app).config.realm)


def complete(response: Response) -> Response:
    """Put the answer of a request that the hook has refused right, whatever other hooks have made of it."""
    return _completed(response, this_request().environ[REFUSED], state_of(this_app()).config.realm)


def _worded(app: Flask, request: Request, error: AuthError) -> Any:
    """Return the body of a refusal: by the service's handler for the error's class or one above it, or our own.

    A handler of a blueprint around the view comes before one of the app, and a close class before a wide one. Handlers
    for ``Exception``, ``HTTPException`` or a status are for faults; they are not asked.
    """
    classes = type(error).__mro__[: type(error).__mro__.index(AuthError) + 1]
    for scope in (*request.blueprints, None):
        handlers = app.error_handler_spec.get(scope, {}).get(None, {})
        for kind in classes:
            if kind in handlers and handlers[kind] is not answer:
                return app.ensure_sync(handlers[kind])(error)
    return body_for(error)


def _completed(response: Response, error: AuthError, realm: str) -> Response:
    response.status_code = error.status
    vary = [*response.vary, "Authorization"]
    fields = headers_for(error, realm)
    for name in {name for name, _ in fields} | {"WWW-Authenticate"}:
        response.headers.pop(name, None)
    response.headers.extend(fields)
    response.vary.update(vary)
    return response
