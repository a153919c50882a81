"""``GET /api/me``: what the access token says about the caller."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from marshmallow import Schema, fields

from app.blueprint import Blueprint
from auth import current_token, require_jwt

EXAMPLE = {"user_id": "alice", "claims": {"sub": "alice", "iat": 1767225600, "exp": 1767226500}}

blp = Blueprint("me", __name__, description="The user who is calling.")


class CallerSchema(Schema):
    """The user an access token names, and its claims."""

    user_id = fields.String(
        required=True, metadata={"description": "The user that the access token names.", "examples": ["alice"]}
    )
    claims = fields.Raw(
        required=True,
        metadata={
            "type": "object",
            "description": "All verified claims of the access token.",
            "examples": [{"sub": "alice", "iat": 1767225600, "exp": 1767226500}],
        },
    )


@blp.route("/api/me")
@require_jwt
class Me(MethodView):
    """The caller."""

    @blp.doc(operationId="getMe")
    @blp.response(200, CallerSchema, description="The user and the claims of the access token.", example=EXAMPLE)
    def get(self) -> dict[str, Any]:
        """Show who I am."""
        return {"user_id": current_token.user_id, "claims": current_token.claims}
