"""The route at which Prometheus reads the counts; a token with a scope opens it."""

from __future__ import annotations

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from .decorators import require_jwt
from .metrics import registry
from .own_routes import add_own_routes

#: The endpoint of the route.
ENDPOINT = "resource_server_metrics"


def serve_metrics(app: Flask, path: str, scope: str) -> None:
    """Add the route to an app, at a path that is free."""

    @require_jwt(scopes=scope)
    def scrape(**_host: str) -> Response:
        return Response(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)

    add_own_routes(app, [path], ENDPOINT, scrape, methods=["GET"])
