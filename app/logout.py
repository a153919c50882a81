"""``POST /api/{user_id}/logout-everywhere``: revoke the tokens of a user, such as after a phone was stolen.

There is such a path only if ``AUTH_DENYLIST`` is set: without a denylist nothing could be revoked.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, current_app
from flask.views import MethodView

from app.api import without_body
from app.blueprint import Blueprint
from auth import current_token, owns_path_user

blp = Blueprint("logout", __name__, description="Revoking access tokens.")

USER_ID = {
    "name": "user_id",
    "in": "path",
    "description": "The user that the access token names.",
    "example": "alice",
}


@blp.route("/api/<path:user_id>/logout-everywhere", parameters=[USER_ID])
@owns_path_user
class LogoutEverywhere(MethodView):
    """All access tokens of one user."""

    @blp.doc(operationId="logOutEverywhere")
    @blp.response(204, description="Access tokens that were issued until now are refused from now on.")
    def post(self, user_id: str) -> Response:  # noqa: ARG002 - the guard has compared it with the user of the token
        """Log out everywhere.

        The token of this request is revoked as well, and so is one that is issued within the same second. Refresh
        tokens and sessions at the authorization server are not: revoke those there first.

        Tokens are revoked by the time at which they say they were issued. If the clock of the authorization server is
        ahead of ours, a token from the last seconds may name a later time, and then stays valid.
        """
        server = current_app.extensions["resource_server"]
        # The token of this request has to end as well, also if the issuer's clock is ahead.
        issued = current_token.claims.get("iat") or 0
        server.revoke_user(current_token.user_id, before=max(server.clock(), issued))
        return without_body(HTTPStatus.NO_CONTENT)
