"""The Flask extension: settings in, guards enforced, refusals answered, and nothing kept on the instance.

One request: the hook reads what the view declares and enforces it before anything else touches the request, so the
body is never validated for a stranger, however the decorators are stacked. The decorators enforce again when the view
runs: they need no hook to be safe. A refusal travels up untouched and becomes HTTP here, at one edge.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, appcontext_pushed, current_app
from werkzeug.exceptions import HTTPException, default_exceptions

from ..cli.commands import auth_commands
from ..errors import AuthError, ConfigurationError, UndeclaredRouteError
from ..keys import KeySource
from ..rules import Declaration, Policy
from ..settings.service import AuthConfig
from ..tokens.verifier import TokenVerifier
from ..wire.bearer import body_for, headers_for
from . import audit
from . import server as state
from .openapi import document_scheme
from .server import ServerState

_LOGGER = logging.getLogger("auth")


class ResourceServer:
    """Makes a Flask app a resource server for tokens that somebody else issued.

    ``ResourceServer(app)``, or ``ResourceServer()`` and later ``init_app(app)``.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        keys: KeySource | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``keys`` stands in for the settings that say where keys come from; ``clock`` returns seconds since 1970."""
        self._keys = keys
        self._clock = clock
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the settings of an app, once, and protect its guarded views.

        Raises:
            ConfigurationError: the settings cannot be safe; the message names every problem and the way out.
        """
        if state.EXTENSION in app.extensions:
            raise ConfigurationError(["This app has a ResourceServer already; make one per app."])
        config = AuthConfig.from_mapping(app.config, keys=self._keys)
        verifier = TokenVerifier(
            config.issuers,
            max_token_bytes=config.max_token_bytes,
            cache_size=config.token_cache_size,
            clock=self._clock,
        )
        app.extensions[state.EXTENSION] = ServerState(config, verifier)
        app.before_request(_enforce_declaration)
        app.after_request(_keep_out_of_caches)
        app.register_error_handler(AuthError, _answer)
        app.cli.add_command(auth_commands)
        document_scheme(app)
        # An Api may be made after this. Until the first request, every context that is pushed looks for one: a command
        # that prints the document pushes one too.
        appcontext_pushed.connect(document_scheme, app)
        for warning in config.warnings:
            _LOGGER.warning(warning)


def enforce(policy: Policy) -> None:
    """Let the current request pass some rules, or raise what refuses it."""
    asked = state.current_request()
    policy.check(state.current_state().token_of(asked, optional=policy.optional), asked.view_args or {})


def _enforce_declaration() -> Response | None:
    """Enforce what the matched view declares, and refuse a silent one where the settings say so.

    Refusals are answered from here, out of reach of a blueprint's handler for every Exception.
    """
    app, asked = state.this_app(), state.current_request()
    server = state.state_of(app)
    if not server.is_serving:
        document_scheme(app)
        # The signal knows the app by identity.
        appcontext_pushed.disconnect(document_scheme, app)
    declaration = _declaration(app, server, asked)
    if declaration is None:
        return None
    policy = declaration.policy
    try:
        if policy.rules:
            policy.check(server.token_of(asked, optional=policy.optional), asked.view_args or {})
        elif _is_undeclared(declaration, server):
            server.token_of(asked)
            raise UndeclaredRouteError("neither a guard nor @public")
    except AuthError as error:
        return _answer(error)
    return None


def _declaration(app: Flask, server: ServerState, asked: Request) -> Declaration | None:
    """Return what the matched view declares; None where Flask answers by itself: 404, 405, automatic OPTIONS."""
    route, method = asked.url_rule, asked.method
    if route is None or (method == "OPTIONS" and getattr(route, "provide_automatic_options", False)):
        return None
    return server.declaration(app.view_functions[route.endpoint], method)


def _is_undeclared(declaration: Declaration | None, server: ServerState) -> bool:
    return declaration is not None and declaration.missing and server.config.deny_by_default


def _answer(error: AuthError) -> Response:
    """Put a refusal into HTTP: the service's error handlers word it, status and headers are the refusal's own."""
    app, asked = state.this_app(), state.current_request()
    server = state.state_of(app)
    audit.log_refusal(
        error,
        route=asked.url_rule.rule if asked.url_rule is not None else "",
        environ=asked.environ,
        user_id=state.verified_user_id(),
        undeclared=_is_undeclared(_declaration(app, server, asked), server),
    )
    refusal = _refusal_class(error.status)(error, server.config.realm)
    response = current_app.make_response(current_app.handle_http_exception(refusal))
    # A handler for every Exception takes a refusal for a fault, and none knows challenge and error code.
    response.status_code = error.status
    vary = [*response.vary, "Authorization"]
    response.headers.update(refusal.headers)
    response.vary.update(vary)
    is_whole = not response.is_streamed and not response.direct_passthrough
    body = response.get_json(silent=True) if response.is_json and is_whole else None
    if isinstance(body, dict) and "error" not in body:
        response.set_data(_dump(body | {"error": error.code.value}))
    return response


class _Refusal(HTTPException):
    """An AuthError as werkzeug's handlers expect it, the headers where each of them looks for headers."""

    def __init__(self, error: AuthError, realm: str) -> None:
        super().__init__(error.message)
        self.headers = headers_for(error, realm)
        #: What flask-smorest's error handler reads.
        self.data = {"message": error.message, "headers": self.headers}
        self._body = _dump(body_for(error))

    def get_body(self, *_args: Any) -> str:
        return self._body

    def get_headers(self, *_args: Any) -> list[tuple[str, str]]:
        return [("Content-Type", "application/json"), *self.headers.items()]


@functools.cache
def _refusal_class(status: HTTPStatus) -> type[_Refusal]:
    """Return a class for a status, derived from werkzeug's: that is how Flask finds the service's handler for it."""
    return type("_Refusal", (_Refusal, default_exceptions[status]), {})


def _dump(body: dict[str, Any]) -> str:
    """Return a JSON body as the service writes all of its JSON."""
    return current_app.make_response(body).get_data(as_text=True)


def _keep_out_of_caches(response: Response) -> Response:
    """Keep answers that depend on the caller out of shared caches, unless the view says otherwise (RFC 9111 §3.5)."""
    asked, headers = state.current_request(), response.headers
    has_credentials = "HTTP_AUTHORIZATION" in asked.environ
    if has_credentials or state.current_state().verified(asked) is not None:
        names = {name.lower() for name, _ in headers}
        if "vary" in names:
            response.vary.add("Authorization")
        else:
            headers.add("Vary", "Authorization")
        if has_credentials and "cache-control" not in names:
            headers.add("Cache-Control", "no-store")
    return response
