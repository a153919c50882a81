"""The state of a protected app, and the caller of one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID
from weakref import ReferenceType, ref

from flask import Flask, Request, current_app, request

from ..access_token import AccessToken
from ..authenticator import Authenticator
from ..errors import InvalidAudienceError, MalformedTokenError, MisuseError
from ..keys import KeyStatus
from ..rules import Declaration, Policy, check_login
from ..settings.service import AuthConfig
from ..signals import token_accepted
from ..wire.metadata import ResourceMetadata, is_for
from .announcing import announce_acceptance, announce_overrides
from .declarations import Marks, declaration_of, places_around
from .path import PathReader
from .request_id import request_id
from .revoking import Revoking

#: The key in ``app.extensions``.
EXTENSION = "resource_server"

#: The key in the WSGI environ. ``flask.g`` would not do: two requests in one pushed app context share it.
_AUTHENTICATION = "resource_server.authentication"

#: The methods of RFC 9110 §9.3 and RFC 5789.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})

_NONE: Mapping[str, Any] = {}
_ANONYMOUS = (None, False)

#: The app and the request themselves. Asking the proxies for one attribute takes several times as long, and Flask's
#: types hide that there are any.
this_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
this_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]


@dataclass(slots=True, eq=False, repr=False)
class Authentication:
    """Who is calling, for one request. Valid only for the app and the credentials that produced it.

    If the app is several resources, valid only for the path as well: a middleware may send one environ to another path.
    If it has a denylist, valid only for the request object: a later request with the old environ has to ask again.
    """

    server: ServerState
    #: The ``Authorization`` field that was read; None if there was none.
    authorization: str | None
    #: None for an anonymous caller.
    token: AccessToken | None
    path: str
    #: Whether the token had been verified before and was only looked up.
    remembered: bool
    #: The request object, if there is a denylist. A strong reference would be a circle, because of the environ.
    asked_for: ReferenceType[Request] | None

    def token_at(self, now: float) -> AccessToken | None:
        """Return the token if it is valid at a time, in seconds since the epoch."""
        token = self.token
        return token if token is not None and token.valid_from <= now < token.valid_until else None

    def __repr__(self) -> str:
        """Name the user alone: the credentials must not end in a log."""
        return f"Authentication(user_id={self.token.user_id if self.token else None!r})"


class _Known(NamedTuple):
    view: Callable[..., Any]
    declaration: Declaration


@dataclass(slots=True)
class ServerState(Revoking):
    """One protected app: ``app.extensions["resource_server"]``."""

    config: AuthConfig
    authenticator: Authenticator
    #: Returns seconds since the epoch.
    clock: Callable[[], float]
    #: True after the first request, when setup is over.
    is_serving: bool = field(default=False, init=False)
    _paths: PathReader = field(default_factory=PathReader, init=False, repr=False)
    _declarations: dict[tuple[str, str], _Known] = field(default_factory=dict, init=False, repr=False)
    _marks: object = field(default=None, init=False, repr=False)
    #: The resources, if there are several; a token for one of them is not good for another.
    _separate: ResourceMetadata | None = field(default=None, init=False, repr=False)
    _has_denylist: bool = field(default=False, init=False, repr=False)
    #: Whether what is known of a caller holds for whatever is made of an environ.
    _is_shared: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        metadata = self.config.metadata
        self._separate = metadata if metadata is not None and len(metadata.resources) > 1 else None
        self._has_denylist = self.config.denylist is not None
        self._is_shared = self._separate is None and not self._has_denylist

    def begin_serving(self) -> None:
        """Note that setup is over, and forget what was worked out before it was: hooks may have been added since."""
        self._declarations = {}
        self.is_serving = True

    def keys_ready(self) -> bool:
        """Tell whether tokens can be verified now, those of one issuer at least; for readiness probes.

        The outage of one issuer among several is no reason to turn away the users of the others.
        """
        # Ask each one, even if the first is ready: a source without keys begins to fetch them.
        return True in {issuer.keys.status().ready for issuer in self.config.issuers}

    def key_status(self) -> dict[str, KeyStatus]:
        """Return what is known of each issuer's keys, by the issuer's name; never waits for the network.

        The name is ``"any"`` if there is a shared secret and no ``AUTH_ISSUER``.
        """
        return {issuer.name or "any": issuer.keys.status() for issuer in self.config.issuers}

    def verify(self, token: object) -> AccessToken:
        """Return the access token that a text is, for tokens that do not come in an ``Authorization`` field.

        A client may send anything in place of a text: that is a malformed token.

        Raises:
            InvalidTokenError: one of its kinds; the token is to blame.
            KeysUnavailableError: the issuer's keys are unavailable; the token may be fine.
        """
        if not isinstance(token, str):
            raise MalformedTokenError("not a text")
        return self.authenticator.verify(token)

    def request_id(self, environ: MutableMapping[str, Any]) -> str:
        """Return the id that stands in the log lines of a request; see ``AUTH_REQUEST_ID_HEADER``."""
        return request_id(environ, self.config.request_id_header)

    def declaration(self, app: Flask, endpoint: str, method: str) -> Declaration:
        """Return what a view says about who may enter; asked at each request, worked out once."""
        if self._marks is not (made := Marks.made):
            # A guard was added since. Another thread may still write into the old dictionary, which nobody reads.
            self._declarations = {}
            self._marks = made
        declarations = self._declarations
        view = app.view_functions[endpoint]
        known = declarations.get((endpoint, method))
        if known is not None and known.view is view:
            return known.declaration
        declaration = declaration_of(view, method, places_around(app, endpoint))
        if method in _METHODS:
            # Methods that clients invent are not kept: they would fill the memory.
            declarations[endpoint, method] = _Known(view, declaration)
        return declaration

    def authentication(self, request: Request) -> Authentication | None:
        """Return what a guard has found out about a request; None if none has run."""
        environ = request.environ
        known: Authentication | None = environ.get(_AUTHENTICATION)
        if known is None or known.server is not self:
            return None
        if not self._is_shared and not self._is_about(known, request):
            return None
        return known if known.authorization == environ.get("HTTP_AUTHORIZATION") else None

    def authenticate(self, request: Request, optional: bool = False) -> AccessToken | None:
        """Return the verified token of a request, verifying it at the first call and asking the clock at each.

        ``optional`` returns None for a request without any credentials, and only for that.

        Raises:
            AuthError: the request carries no token, or one that is refused.
        """
        environ = request.environ
        known: Authentication | None = environ.get(_AUTHENTICATION)
        if known is not None and known.server is self and known.authorization == environ.get("HTTP_AUTHORIZATION"):
            token = known.token
            if token is not None and token.valid_from <= self.clock() < token.valid_until:
                if self._is_shared or self._is_about(known, request):
                    return token
            elif token is None and optional:
                return None
        # No guard has asked yet, or the token has expired since, or an optional guard let an anonymous caller pass.
        authorization = environ.get("HTTP_AUTHORIZATION")
        is_anonymous = optional and authorization is None
        token, remembered = _ANONYMOUS if is_anonymous else self.authenticator.authenticate_field(authorization)
        if token is not None and self._separate is not None:
            _check_resource(token, request, self._separate)
        asked_for = ref(request) if self._has_denylist else None
        environ[_AUTHENTICATION] = Authentication(self, authorization, token, request.path, remembered, asked_for)
        return token

    def _is_about(self, known: Authentication, request: Request) -> bool:
        """Tell whether what is known of an environ holds for a request that is made of it."""
        if self._separate is not None and known.path != request.path:
            return False
        return known.asked_for is None or known.asked_for() is request

    def check_token(self, request: Request) -> None:
        """Demand a valid token, of several resources for any: nobody has said yet who may enter.

        Raises:
            AuthError: the request carries no token, or one that is refused.
        """
        if self._separate is None:
            self.authenticate(request)
        else:
            # Not remembered: a guard would take it as meant for the resource of this path.
            self.authenticator.authenticate_field(request.environ.get("HTTP_AUTHORIZATION"))

    def enforce(self, policy: Policy, app: Flask, request: Request, arguments: Mapping[str, Any] = _NONE) -> None:
        """Check a request against a policy; raise the error of the first rule that fails.

        ``arguments`` are those that a guarded function is called with: if one has the name of a path variable that says
        who the owner is, it must be the same user.
        """
        token = self.authenticate(request, policy.optional)
        if policy.checks:
            self._check(policy, token, app, request, arguments)
        if token_accepted.receivers and token is not None:
            announce_acceptance(app, request, token, request.environ[_AUTHENTICATION].remembered)

    def _check(
        self, policy: Policy, token: AccessToken | None, app: Flask, request: Request, arguments: Mapping[str, Any]
    ) -> None:
        if policy.login is not None and token is not None:
            check_login(token, policy.login, self.clock())
        texts, values = self._paths.read(app, request, policy.variables)
        for check in policy.checks:
            check(token, texts)
        if arguments:
            for rule in policy.owners:
                name = rule.param
                # The caller may use this path by now, and so what a converter has made of it.
                if name in arguments and arguments[name] != texts[name] and arguments[name] != values[name]:
                    raise rule.refusal(f"the view is called with another {name} than the one in the path")
        if policy.overridable and token is not None:
            announce_overrides(app, request, token, _overrides(policy, token, texts, values))


def _check_resource(token: AccessToken, request: Request, metadata: ResourceMetadata) -> None:
    """Demand that a token is meant for the resource that the path of a request belongs to (RFC 8707 §2)."""
    resource = metadata.resource_at(request.path)
    if resource is None:
        raise InvalidAudienceError(
            "the path lies below none of AUTH_RESOURCE, or has empty or dot segments, so no token is meant for it"
        )
    if not is_for(token.claims.get("aud"), resource):
        raise InvalidAudienceError(f"aud does not name the resource of this path; expected {resource.identifier}")


def _overrides(
    policy: Policy, token: AccessToken, texts: Mapping[str, Any], values: Mapping[str, Any]
) -> Mapping[str, tuple[str, str]]:
    """Map each variable of the path whose owner is not the caller to that owner, and to what lets the caller pass.

    The log names the owner as the path does, so nobody passes if a converter makes another name of that: 7 of ``007``.

    Raises:
        NotOwnerError: the view would read another name.
    """
    found = {}
    for rule in policy.overridable:
        owner, value = texts[rule.param], values[rule.param]
        override = rule.override(token, owner)
        if override is None:
            continue
        if isinstance(value, str | int | float | UUID) and str(value) != owner:
            raise rule.refusal(f"{override} does not count here: the view would read another owner than the path names")
        found[rule.param] = (owner, override)
    return found


def current_state() -> ServerState:
    """Return the state of the current app.

    Raises:
        MisuseError: the app has no ResourceServer.
    """
    return state_of(this_app())


def state_of(app: Flask) -> ServerState:
    """Return the state of an app; raises as :func:`current_state` does."""
    state: ServerState | None = app.extensions.get(EXTENSION)
    if state is None:
        raise MisuseError("This app has guarded views and no ResourceServer. Call ResourceServer(app) once.")
    return state
