"""Flask-HTTPAuth's token scheme, the token decoded by PyJWT with a key that is parsed once."""

from __future__ import annotations

from typing import Any

import jwt
from flask import Flask, abort
from flask_httpauth import HTTPTokenAuth

from benchmarks.peers import ANSWER, AUDIENCE, EVERY_ALGORITHM, ISSUER, ROUTE

NAME = "Flask-HTTPAuth + PyJWT"
ALGORITHMS = EVERY_ALGORITHM


def make_app(algorithm: str, key: str) -> Flask:
    """Return an app with ``login_required`` on its view."""
    app = Flask("flask_httpauth")
    auth = HTTPTokenAuth(scheme="Bearer")
    prepared = jwt.get_algorithm_by_name(algorithm).prepare_key(key)

    @auth.verify_token
    def verify_token(token: str) -> str | None:
        try:
            claims = jwt.decode(
                token,
                prepared,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.InvalidTokenError:
            return None
        return str(claims["sub"])

    @app.get(ROUTE)
    @auth.login_required
    def tasks(user_id: str) -> dict[str, Any]:
        if auth.current_user() != user_id:
            abort(403)
        return ANSWER

    return app
