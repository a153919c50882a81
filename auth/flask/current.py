"""The verified token of the current request, for views, hooks, logs and templates."""

from __future__ import annotations

from flask import has_request_context
from werkzeug.local import LocalProxy

from ..access_token import AccessToken
from ..errors import MisuseError
from .misplaced import app_and_request
from .server import EXTENSION, ServerState, state_of, this_app, this_request


def verified_token() -> AccessToken | None:
    """Return the access token that a guard of this request has verified; None if there is none. Never raises.

    This is for code that runs for every request, guarded or not, such as hooks, log lines and templates. A token that
    has expired since the guard ran counts as none.
    """
    if not has_request_context():
        return None
    state: ServerState | None = this_app().extensions.get(EXTENSION)
    authentication = None if state is None else state.authentication(this_request())
    return None if authentication is None else authentication.token_at(authentication.server.clock())


def _demanded_token() -> AccessToken | None:
    app, request = app_and_request("current_token was read")
    state = state_of(app)
    authentication = state.authentication(request)
    if authentication is None:
        raise MisuseError("current_token was read where no guard has run. Put @require_jwt on the view.")
    # A connection that stays open may outlive the token. Then it is verified again, and refused.
    return authentication.token_at(state.clock()) or state.authenticate(request, optional=True)


#: The verified token of the current request. Reading it where no guard has run raises MisuseError. Reading it after the
#: token has expired raises TokenExpiredError, however long the connection stays open. For the anonymous caller of an
#: optional guard it is false: ask ``if current_token``, for a proxy is never ``None`` itself.
current_token: AccessToken = LocalProxy(_demanded_token)  # type: ignore[assignment]  # typed as Flask types its own
