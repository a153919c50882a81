"""This library, guarding the route as the tasks API does."""

from __future__ import annotations

from typing import Any

from flask import Flask

from auth import ResourceServer, owns_path_user, require_jwt
from benchmarks.peers import ANSWER, AUDIENCE, EVERY_ALGORITHM, ISSUER, ROUTE

NAME = "this library"
#: The same without the memory of verified tokens.
UNCACHED = f"{NAME}, cache off"
ALGORITHMS = EVERY_ALGORITHM


def make_app(algorithm: str, key: str, **settings: Any) -> Flask:
    """Return an app with both decorators on its view; ``settings`` are those of the library."""
    app = Flask("this_library", static_folder=None)
    app.config["AUTH_SECRET" if algorithm == "HS256" else "AUTH_PUBLIC_KEY"] = key
    app.config.update(
        AUTH_ISSUER=ISSUER,
        AUTH_AUDIENCE=AUDIENCE,
        AUTH_PROFILE="rfc9068",
        AUTH_DENY_BY_DEFAULT=True,
        **settings,
    )
    ResourceServer(app)

    @app.get(ROUTE)
    @require_jwt
    @owns_path_user
    def tasks(user_id: str) -> dict[str, Any]:  # noqa: ARG001 - the variable of the route
        return ANSWER

    return app
