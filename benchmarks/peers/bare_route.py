"""The route without a guard: what all others are measured against."""

from __future__ import annotations

from typing import Any

from flask import Flask

from benchmarks.peers import ANSWER, EVERY_ALGORITHM, ROUTE

NAME = "bare route"
ALGORITHMS = EVERY_ALGORITHM


def make_app(_algorithm: str, _key: str) -> Flask:
    """Return an app that answers everybody."""
    app = Flask("bare_route")

    @app.get(ROUTE)
    def tasks(user_id: str) -> dict[str, Any]:  # noqa: ARG001 - the variable of the route
        return ANSWER

    return app
