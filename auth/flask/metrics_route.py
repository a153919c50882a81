"""The route at which Prometheus reads the counts; a token with a scope opens it."""

from __future__ import annotations

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ..errors import ConfigurationError
from .decorators import require_jwt
from .metadata import places_for
from .metrics import registry

#: The endpoint of the route.
ENDPOINT = "resource_server_metrics"


def serve_metrics(app: Flask, path: str, scope: str) -> None:
    """Add the route to an app.

    Raises:
        ConfigurationError: the app has such a route already.
    """
    if any(route.rule == path for route in app.url_map.iter_rules()):
        raise ConfigurationError([f"The app has a route {path} already; AUTH_METRICS_PATH makes it."])

    @require_jwt(scopes=scope)
    def scrape(**_host: str) -> Response:
        return Response(generate_latest(registry()), content_type=CONTENT_TYPE_LATEST)

    for place in places_for(app):
        app.add_url_rule(path, ENDPOINT, scrape, methods=["GET"], provide_automatic_options=None, **place)
