"""What ``init_app`` leaves in an app, and what one request has learnt: settings, verifier, verified token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import Flask, Request, current_app, request
from werkzeug.local import LocalProxy

from ..access_token import AccessToken
from ..errors import ConfigurationError, MissingTokenError
from ..keys import KeyStatus
from ..rules import Declaration, declaration_of
from ..settings.service import AuthConfig
from ..tokens.verifier import TokenVerifier
from ..wire.bearer import parse_authorization

#: The key in ``app.extensions``.
EXTENSION = "resource_server"

#: The key in the WSGI environ. ``flask.g`` would not do: two requests in one pushed app context share it.
_VERIFIED = "auth.verified"

#: The methods of RFC 9110 §9.3 and RFC 5789.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

#: The app and the request themselves. Asking the proxies for one attribute takes several times as long, and Flask's
#: types hide that there are any.
this_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]


class Verified(NamedTuple):
    """The outcome for one request; valid for the app and the header it was reached with, and no others."""

    state: ServerState
    authorization: str | None
    token: AccessToken | None


@dataclass(frozen=True, slots=True)
class ServerState:
    """One protected app: ``app.extensions["resource_server"]``."""

    config: AuthConfig
    verifier: TokenVerifier
    _declarations: dict[tuple[Callable[..., Any], str], Declaration] = field(default_factory=dict, init=False)

    def keys_ready(self) -> bool:
        """Tell whether tokens can be verified now, those of one issuer at least; for readiness probes.

        The outage of one issuer among several is no reason to turn away the users of the others.
        """
        # Each is asked, whatever the first says: a source that has no keys yet begins to fetch them.
        return True in {issuer.keys.status().ready for issuer in self.config.issuers}

    def key_status(self) -> dict[str, KeyStatus]:
        """Return what is known of each issuer's keys, by the issuer's name; never waits for the network.

        The name is ``"any"`` where there is a shared secret and no ``AUTH_ISSUER``.
        """
        return {issuer.name or "any": issuer.keys.status() for issuer in self.config.issuers}

    @property
    def is_serving(self) -> bool:
        """Whether any view has been asked what it declares, so that the app is set up for good."""
        return bool(self._declarations)

    def declaration(self, view: Callable[..., Any], method: str) -> Declaration:
        """Return what a view says about who may enter; asked per request, worked out once."""
        known = self._declarations.get((view, method))
        if known is None:
            known = declaration_of(view, method)
            if method in _METHODS:
                # A route that takes any method would fill the memory with those that clients make up.
                self._declarations[view, method] = known
        return known

    def verified(self, asked: Request) -> Verified | None:
        """Return what a guard has found out about a request; None where none has run."""
        environ = asked.environ
        verified: Verified | None = environ.get(_VERIFIED)
        if verified is None or verified.state is not self:
            return None
        return verified if verified.authorization == environ.get("HTTP_AUTHORIZATION") else None

    def token_of(self, asked: Request, *, optional: bool = False) -> AccessToken | None:
        """Return the verified token of a request, verifying it at the first call.

        ``optional`` returns None for a request without any credentials, and only for that.

        Raises:
            AuthError: the request carries no token, or one that is refused.
        """
        verified = self.verified(asked)
        if verified is None:
            authorization = asked.environ.get("HTTP_AUTHORIZATION")
            anonymous = optional and authorization is None
            token = None if anonymous else self.verifier.verify(parse_authorization(authorization))
            verified = asked.environ[_VERIFIED] = Verified(self, authorization, token)
        if verified.token is None and not optional:
            # An optional guard came first and let an anonymous caller pass; this one does not.
            raise MissingTokenError("no Authorization header")
        return verified.token


def current_state() -> ServerState:
    """Return the state of the current app.

    Raises:
        ConfigurationError: the app has no ResourceServer.
    """
    return state_of(this_app())


def state_of(app: Flask) -> ServerState:
    """Return the state of an app; raises as :func:`current_state` does."""
    state: ServerState | None = app.extensions.get(EXTENSION)
    if state is None:
        raise ConfigurationError(["This app has guarded views and no ResourceServer. Call ResourceServer(app) once."])
    return state


def remembered_token() -> AccessToken | None:
    """Return the token that a guard of this request has verified; None for an anonymous caller.

    Raises:
        ConfigurationError: no guard has run, so nobody has verified anything.
    """
    verified = current_state().verified(current_request())
    if verified is None:
        raise ConfigurationError(["current_token was read where no guard has run. Put @require_jwt on the view."])
    return verified.token


def verified_user_id() -> str | None:
    """Return who the caller is if that is verified already; for the log."""
    verified = current_state().verified(current_request())
    return None if verified is None or verified.token is None else verified.token.user_id


#: The verified token of the current request. Reading it where no guard has run raises ConfigurationError; for the
#: anonymous caller of an optional guard it is false: ask ``if current_token``, for a proxy is never ``None`` itself.
current_token: AccessToken = LocalProxy(remembered_token)  # type: ignore[assignment]
