"""Routes that the extension adds to an app by itself, at every host that the app answers at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import Flask

from ..errors import ConfigurationError


def add_own_routes(
    app: Flask,
    paths: Collection[str],
    endpoint: str,
    view: Callable[..., Any],
    *,
    methods: list[str],
    setting: str,
) -> None:
    """Add routes to an app; ``setting`` is what asks for them, and ``view`` declares who may enter.

    Raises:
        ConfigurationError: the app has such a route already.
    """
    taken = {route.rule for route in app.url_map.iter_rules()}
    if found := sorted(taken.intersection(paths)):
        raise ConfigurationError([f"The app has a route {path} already; {setting} makes it." for path in found])
    for path in paths:
        for place in _places(app):
            app.add_url_rule(path, endpoint, view, methods=methods, provide_automatic_options=False, **place)


def _places(app: Flask) -> list[dict[str, str]]:
    """Return how a route says that it answers at every host of an app."""
    if app.url_map.host_matching:
        return [{"host": "<host>"}]
    return [{}, {"subdomain": "<subdomain>"}] if app.subdomain_matching else [{}]
