"""The Flask extension: it reads the settings, enforces what views declare, and keeps nothing on the instance.

One request: the hook reads what the view declares and enforces it before anything else touches the request, so a body
is never validated for a stranger, however the decorators are stacked. A guarded function enforces its own rules again
when it runs, for callers that come past the hook. A refusal travels up untouched and becomes HTTP in
:mod:`.flask.answers`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, appcontext_pushed

from ..clock import system_time
from ..errors import AuthError, ConfigurationError, UndeclaredRouteError
from ..keys import KeySource
from ..settings.service import AuthConfig
from .announcing import OVERRIDDEN
from .answers import REFUSED, answer, answer_first, answer_hidden, complete
from .authenticators import authenticator_for
from .commands import StartRefusedError, register_commands, run_without_settings
from .cors import answer_to_preflight, let_scripts_read
from .metadata import is_document, serve_metadata
from .observers import observe, observe_spans
from .openapi import document_guards
from .own_routes import check_own_paths
from .path import keep_matched
from .route_audit import refuse_what_never_works
from .satisfiable import check_satisfiable
from .server import EXTENSION, ServerState, current_state, this_app, this_request

_LOGGER = logging.getLogger("flask_resource_server")


class ResourceServer:
    """Makes a Flask app a resource server for tokens that somebody else issued.

    ``ResourceServer(app)``, or ``ResourceServer()`` and later ``init_app(app)``.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        keys: KeySource | None = None,
        clock: Callable[[], float] = system_time,
    ) -> None:
        """``keys`` stands in for the settings that say where keys come from; ``clock`` returns seconds since 1970."""
        self._keys = keys
        self._clock = clock
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Read the settings of an app, once, and protect its guarded views.

        Raises:
            ConfigurationError: the settings cannot be safe, or a view asks for what no token carries; the message names
                every problem and the way out.
        """
        try:
            server = self._made_for(app)
        except ConfigurationError as error:
            run_without_settings()
            raise StartRefusedError(error.problems) from None
        app.extensions[EXTENSION] = server
        app.before_request(_enforce_declaration)
        # The first to be registered is the last to run: no hook of the service comes after it.
        finish = _finish if server.config.metadata is None else _finish_unless_document
        app.after_request_funcs.setdefault(None, []).insert(0, finish)
        register_commands(app)
        _join_frameworks(app)
        # An Api may be made after this. Until the first request, every context that is pushed looks for one: a command
        # that prints the document pushes one too.
        appcontext_pushed.connect(_join_frameworks, app)
        for warning in server.config.warnings:
            _LOGGER.warning(warning)

    def _made_for(self, app: Flask) -> ServerState:
        if EXTENSION in app.extensions:
            raise ConfigurationError(["This app has a ResourceServer already; make one per app."])
        config = AuthConfig.from_mapping(app.config, keys=self._keys, debug=app.debug, environment=os.environ)
        server = ServerState(config, authenticator_for(config, self._clock), self._clock)
        # Everything that may refuse the start comes before the first route and the first hook. So a start which is
        # refused leaves nothing behind and can be repeated.
        check_satisfiable(app, server)
        check_own_paths(app, config)
        observe(app, server)
        if config.metadata is not None:
            serve_metadata(app, config.metadata)
        if config.logout_path is not None:
            # Only services that receive logouts pay for it.
            from .backchannel_logout import receive_logouts

            receive_logouts(app, server, config.logout_path)
        return server


def _join_frameworks(app: Flask) -> None:
    """Connect with the frameworks that the app has so far."""
    document_guards(app)
    answer_first(app)


def _enforce_declaration() -> Any:
    """Enforce what the matched view declares, and refuse a silent one if the settings say so.

    Refusals are answered from here, out of reach of a blueprint's handler for every Exception. One that is hidden is
    answered as the service answers an unknown resource.
    """
    app, request = this_app(), this_request()
    # A middleware may have sent the same environ before, here or to another app.
    request.environ.pop(REFUSED, None)
    request.environ.pop(OVERRIDDEN, None)
    server: ServerState = app.extensions[EXTENSION]
    if not server.is_serving:
        check_satisfiable(app, server)
        if server.config.deny_by_default:
            refuse_what_never_works(app)
        observe_spans(app)
        server.begin_serving()
        _join_frameworks(app)
        # The signal knows the app by identity.
        appcontext_pushed.disconnect(_join_frameworks, app)
    route, method = request.url_rule, request.method
    if route is None or (method == "OPTIONS" and getattr(route, "provide_automatic_options", False)):
        # Flask answers by itself: 404, 405, automatic OPTIONS.
        return None
    keep_matched(request)
    declaration = server.declaration(app, route.endpoint, method)
    if method == "OPTIONS" and declaration.policy.rules:
        answered: Response | None = answer_to_preflight(app, request, app.view_functions[route.endpoint])
        if answered is not None:
            return answered
    try:
        if declaration.policy.rules:
            server.enforce(declaration.policy, app, request, request.view_args or {})
        elif declaration.missing and server.config.deny_by_default:
            server.check_token(request)
            raise UndeclaredRouteError("neither a guard nor @public")
    except AuthError as error:
        if error.hide:
            return answer_hidden(error)
        request.environ[REFUSED] = error
        return answer(error, declaration.policy, is_undeclared=declaration.missing)
    return None


def _finish(response: Response) -> Response:
    """Put refusals right, and keep answers that depend on the caller out of shared caches (RFC 9111 §3.5).

    What the view says about caches itself stays.
    """
    request, headers = this_request(), response.headers
    if REFUSED in request.environ:
        completed = complete(response)
        let_scripts_read(this_app(), request, completed)
        return completed
    has_credentials = "HTTP_AUTHORIZATION" in request.environ
    if has_credentials or current_state().authentication(request) is not None:
        names = {name.lower() for name, _ in headers}
        if "vary" in names:
            response.vary.add("Authorization")
        else:
            headers.add("Vary", "Authorization")
        if has_credentials and "cache-control" not in names:
            headers.add("Cache-Control", "no-store")
    return response


def _finish_unless_document(response: Response) -> Response:
    """Do the same, and leave the metadata of a resource alone: they are public, whatever credentials come along."""
    return response if is_document(this_request()) else _finish(response)
