"""One log line per refusal, override or logout: why, the route, the request id and, if verified, whose token it is.

Of the token, user, tenant, client and actor are written and nothing else. No raw text of a client is written: routes
appear as their rule, reasons in our own words, and names, the owner of an overridden path among them, as JSON strings.
Standard :mod:`logging`, logger ``flask_resource_server.audit``; the fields are on the record as well, for formatters
that write JSON. The log is a receiver of the signals, as any other can be.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from flask import Flask

from ..access_token import AccessToken
from ..errors import AuthError
from ..signals import access_overridden, token_refused
from .announcing import OVERRIDDEN, route_of
from .current import verified_token
from .server import state_of, this_request

_LOGGER = logging.getLogger("flask_resource_server.audit")
#: Characters of a name that are logged; the rest of a longer one is left out.
_LONGEST_NAME = 255


def keep_audit_log(app: Flask) -> None:
    """Log what the signals say about an app."""
    token_refused.connect(_on_refusal, app)
    access_overridden.connect(_on_override, app)


def _on_refusal(app: Flask, error: AuthError, route: str) -> None:
    request_id = state_of(app).request_id(this_request().environ)
    # A token that the denylist refuses is verified, and never becomes that of the request.
    token = verified_token() or error.token
    log_refusal(error, route=route, request_id=request_id, token=token, undeclared=error.undeclared)


def _on_override(app: Flask, token: AccessToken, owner: str) -> None:
    request = this_request()
    request_id = state_of(app).request_id(request.environ)
    *_, override = request.environ[OVERRIDDEN].values()
    log_override(override, token=token, owner=owner, route=route_of(request), request_id=request_id)


def log_refusal(
    error: AuthError, *, route: str, request_id: str, token: AccessToken | None, undeclared: bool = False
) -> None:
    """Log one refused request; ``token`` is given only if it was verified.

    At WARNING, or at ERROR for a route that is ``undeclared``: the fault is the service's, not the caller's.
    """
    fields = {
        "error": error.code.value,
        "status": error.status.value,
        "reason": error.reason,
        "route": route,
        "request_id": request_id,
    }
    if token is not None:
        fields |= _names_in(token)
    text = _as_text(fields)
    if undeclared:
        _LOGGER.error("access refused: the view has neither a guard nor @public: %s", text, extra=fields)
    else:
        _LOGGER.warning("access refused: %s", text, extra=fields)


def log_override(override: str, *, token: AccessToken, owner: str, route: str, request_id: str) -> None:
    """Log one caller who may use the path of another user, and by which scope or role (``override``).

    At WARNING, as no other level reaches a log that nobody has set up.
    """
    fields: dict[str, str | int] = {
        "override": override,
        "owner": owner[:_LONGEST_NAME],
        "route": route,
        "request_id": request_id,
        **_names_in(token),
    }
    _LOGGER.warning("access overridden: %s", _as_text(fields), extra=fields)


def log_logout(*, issuer: str, user_id: str | None, route: str, request_id: str) -> None:
    """Log one logout that an issuer has announced: of a user, or of a session, whose name is not written.

    At INFO, because a logout is nothing unusual.
    """
    fields: dict[str, str | int] = {
        "ended": "session" if user_id is None else "user",
        "issuer": issuer,
        "route": route,
        "request_id": request_id,
    }
    if user_id is not None:
        fields["user_id"] = user_id[:_LONGEST_NAME]
    _LOGGER.info("logged out: %s", _as_text(fields), extra=fields)


def log_refused_logout(error: AuthError, *, route: str, request_id: str) -> None:
    """Log one refused logout token, at WARNING."""
    fields = {"error": error.code.value, "reason": error.reason, "route": route, "request_id": request_id}
    _LOGGER.warning("logout refused: %s", _as_text(fields), extra=fields)


def _names_in(token: AccessToken) -> dict[str, str]:
    """Return the names that tell whose token it is."""
    actor = token.actor
    names = {
        "user_id": token.user_id,
        "tenant": token.tenant_id,
        "client": token.client_id,
        "actor": None if actor is None else actor.subject,
    }
    return {name: value[:_LONGEST_NAME] for name, value in names.items() if value is not None}


def _as_text(fields: Mapping[str, str | int]) -> str:
    return " ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
