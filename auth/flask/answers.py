"""The one edge at which a refusal becomes HTTP: status, header fields and body in one step.

A service can change the body with an error handler for one of our error classes. :func:`complete` restores the status
and the header fields that other hooks have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from flask import Flask, Request, Response
from werkzeug.exceptions import HTTPException, NotFound

from ..errors import AuthError
from ..rules import Policy
from ..wire.challenges import body_for, headers_for
from .announcing import announce_refusal
from .misplaced import app_and_request
from .server import EXTENSION, ServerState, state_of, this_app, this_request

#: The WSGI environ key of the error that a request is answered with.
REFUSED = "resource_server.refused"

_NO_POLICY = Policy(())


class Refusal(HTTPException):
    """A refusal raised inside a view. It carries the complete response.

    Code in between that knows HTTP exceptions lets it pass unchanged, or reads status and sentence.
    """

    def __init__(self, error: AuthError, policy: Policy) -> None:
        super().__init__(error.message, answer(error, policy))
        self.code: int | None = int(error.status)
        #: What was refused, for code that catches this.
        self.error = error


def enforce_on_call(policy: Policy, arguments: Mapping[str, Any]) -> None:
    """Check the current request against the rules of a function that is about to run.

    Raises:
        Refusal: the request may not reach the function.
        Exception: what the service answers an unknown resource with, if the refusal is hidden.
        MisuseError: there is no HTTP request.
    """
    app, request = app_and_request("A guard was called")
    server: ServerState = app.extensions.get(EXTENSION) or state_of(app)
    try:
        server.enforce(policy, app, request, arguments)
    except AuthError as error:
        if error.hide:
            raise hidden(error) from None
        raise Refusal(error, policy) from error


def hidden(error: AuthError) -> Exception:
    """Announce a refusal that the client is not told of; return what is raised in its place: an unknown resource."""
    announce_refusal(this_app(), this_request(), error)
    return NotFound() if isinstance(error.hide, bool) else error.hide()


def answer_hidden(error: AuthError) -> Any:
    """Return what the service answers in the place of a refusal that the client is not told of."""
    try:
        _raise(hidden(error))
    except Exception as unknown:  # noqa: BLE001 - Flask's method raises again what nobody handles
        return this_app().handle_user_exception(unknown)


def _raise(error: Exception) -> NoReturn:
    raise error


def answer(error: AuthError, policy: Policy | None = None, *, is_undeclared: bool = False) -> Response:
    """Return the answer to a refused request and announce the refusal.

    ``policy`` is the one that was enforced, if it is known, and ``is_undeclared`` says that the route declares nothing.
    """
    app, request = this_app(), this_request()
    state = state_of(app)
    if state.config.metadata is not None:
        _name_scopes(error, policy or _declared(app, request, state), state.config.metadata.scopes)
    error.undeclared = is_undeclared
    announce_refusal(app, request, error)
    return _completed(app.make_response(_worded(app, request, error)), error, state, request)


def _declared(app: Flask, request: Request, state: ServerState) -> Policy:
    """Return the policy of the route that a request was matched to."""
    route = request.url_rule
    return _NO_POLICY if route is None else state.declaration(app, route.endpoint, request.method).policy


def _name_scopes(error: AuthError, policy: Policy, default: tuple[str, ...]) -> None:
    """Let an error name the scopes that a client has to ask for, so that one more token is enough.

    After a 401 these are the fewest that the view needs, or those of ``AUTH_RESOURCE_SCOPES`` if it needs none. After a
    403 they are all that its rules name, not only those of the rule that failed.
    """
    if error.status == HTTPStatus.UNAUTHORIZED:
        error.scope = policy.least_scopes() or default
    elif error.scope:
        error.scope = tuple(dict.fromkeys((*policy.all_scopes(), *error.scope)))


def answer_first(app: Flask) -> None:
    """Answer refusals and our errors before any handler does that the service or a framework has for others.

    Flask-RESTful and RESTX replace Flask's error handling when their Api is made, and take unknown errors for faults.
    Call this again after that; it does nothing if nothing has been put in front of it.
    """
    if not isinstance(app.handle_user_exception, _AnsweringFirst):
        # On this app alone, as Flask-RESTful does it.
        app.handle_user_exception = _AnsweringFirst(app.handle_user_exception)  # type: ignore[method-assign]


class _AnsweringFirst:
    """``Flask.handle_user_exception`` for our errors; every other goes to the method that was there."""

    def __init__(self, handle_others: Callable[[Exception], Any]) -> None:
        self._handle_others = handle_others

    def __call__(self, e: Exception) -> Any:
        if isinstance(e, Refusal):
            refused, response = e.error, e.response
        elif isinstance(e, AuthError):
            if e.hide:
                return answer_hidden(e)
            refused, response = e, answer(e)
        else:
            # An error that was raised after a refusal replaces it: a rate limit, or a fault.
            this_request().environ.pop(REFUSED, None)
            return self._handle_others(e)
        this_request().environ[REFUSED] = refused
        return response


def complete(response: Response) -> Response:
    """Restore status and header fields of a refusal after other hooks have run."""
    request = this_request()
    return _completed(response, request.environ.pop(REFUSED), state_of(this_app()), request)


def _worded(app: Flask, request: Request, error: AuthError) -> Any:
    """Return the body of a refusal: by the service's handler for the error's class or one above it, or our own.

    A handler of a blueprint around the view comes before one of the app, and a close class before a wide one. Handlers
    for ``Exception``, ``HTTPException`` or a status are for faults; they are not asked.
    """
    classes = type(error).__mro__[: type(error).__mro__.index(AuthError) + 1]
    for scope in (*request.blueprints, None):
        handlers = app.error_handler_spec.get(scope, {}).get(None, {})
        for kind in classes:
            if kind in handlers:
                return app.ensure_sync(handlers[kind])(error)
    return body_for(error)


def _completed(response: Response, error: AuthError, state: ServerState, request: Request) -> Response:
    response.status_code = error.status
    vary = [*response.vary, "Authorization"]
    metadata = state.config.metadata
    resource = None if metadata is None else metadata.resource_at(request.path)
    fields = headers_for(error, state.config.realm, None if resource is None else resource.metadata_url)
    for name in {name for name, _ in fields} | {"WWW-Authenticate"}:
        response.headers.pop(name, None)
    response.headers.extend(fields)
    response.vary.update(vary)
    return response
