"""Routes that the extension adds to an app by itself, at every host that the app answers at."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from flask import Flask

from ..errors import ConfigurationError
from ..settings.service import AuthConfig


def check_own_paths(app: Flask, config: AuthConfig) -> None:
    """Demand that every path that the settings ask for is free.

    Raises:
        ConfigurationError: the app has such a route already, or two settings ask for the same one.
    """
    taken = {route.rule for route in app.url_map.iter_rules()}
    problems = []
    for setting, paths in _own_paths(config).items():
        problems += [f"The app has a route {path} already; {setting} makes it." for path in sorted(taken & paths)]
        taken |= paths
    if problems:
        raise ConfigurationError(problems)


def _own_paths(config: AuthConfig) -> dict[str, set[str]]:
    """Return the paths of all own routes, by the setting that asks for them."""
    return {
        "AUTH_METRICS_PATH": set() if config.metrics_path is None else {config.metrics_path},
        "AUTH_RESOURCE": set() if config.metadata is None else set(config.metadata.documents()),
        "AUTH_LOGOUT_AUDIENCE": set() if config.logout_path is None else {config.logout_path},
    }


def add_own_routes(
    app: Flask, paths: Collection[str], endpoint: str, view: Callable[..., Any], *, methods: list[str]
) -> None:
    """Add routes to an app, at paths that :func:`check_own_paths` has found free; ``view`` declares who may enter."""
    for path in paths:
        for place in _places(app):
            app.add_url_rule(path, endpoint, view, methods=methods, provide_automatic_options=False, **place)


def _places(app: Flask) -> list[dict[str, str]]:
    """Return how a route says that it answers at every host of an app."""
    if app.url_map.host_matching:
        return [{"host": "<host>"}]
    return [{}, {"subdomain": "<subdomain>"}] if app.subdomain_matching else [{}]
