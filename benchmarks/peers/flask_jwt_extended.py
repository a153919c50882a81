"""Flask-JWT-Extended, its key as PEM: the form its documentation of ``JWT_PUBLIC_KEY`` asks for."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort
from flask_jwt_extended import JWTManager, get_jwt_identity, jwt_required

from benchmarks.peers import ANSWER, AUDIENCE, EVERY_ALGORITHM, ISSUER, ROUTE

NAME = "Flask-JWT-Extended"
ALGORITHMS = EVERY_ALGORITHM


def make_app(algorithm: str, key: str) -> Flask:
    """Return an app with ``jwt_required`` on its view."""
    app = Flask("flask_jwt_extended")
    app.config["JWT_SECRET_KEY" if algorithm == "HS256" else "JWT_PUBLIC_KEY"] = key
    app.config.update(
        JWT_ALGORITHM=algorithm,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_ISSUER=ISSUER,
    )
    JWTManager(app)

    @app.get(ROUTE)
    @jwt_required()
    def tasks(user_id: str) -> dict[str, Any]:
        if get_jwt_identity() != user_id:
            abort(403)
        return ANSWER

    return app
