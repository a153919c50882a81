"""The tasks API: a real service protected by :mod:`auth`, and the one to copy from.

:func:`create_app` is the whole public surface; ``wsgi.py`` calls it for gunicorn and for ``flask``. Nothing here
verifies a token: that is the library's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from app import health, logout, me
from app.config import configure
from app.database import connect_database
from app.fast import take_short_ways
from app.logs import configure_logging
from app.metrics import count_requests
from app.migrations import DatabaseCommands
from app.rate_limits import limit_addresses, limit_users
from app.response_headers import register_response_headers
from app.service import Service
from app.tasks import views as tasks
from app.unread_bodies import read_on_after_answers
from app.wiring import protect, register_api, trust_proxies
from auth.errors import ConfigurationError

__all__ = ["create_app"]

#: The operations of the service: a blueprint for each feature. Everything a feature needs comes with its blueprint.
FEATURES = (
    tasks.blp,
    me.blp,
    health.blp,
)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the service from the environment; ``config`` has the last word.

    Raises :class:`auth.errors.ConfigurationError`, naming every impossible setting at once.
    """
    app = Service(__name__, static_folder=None)
    problems = configure(app, config or {})
    configure_logging(app.config["LOG_FORMAT"])
    if not problems:
        # In front of the guards, so that a flood is turned away before a token is looked at.
        limit_addresses(app)
    problems += protect(app)
    if problems:
        raise ConfigurationError(problems)

    limit_users(app)
    count_requests(app)
    register_response_headers(app)
    # Around the headers, because they depend on the scheme of the request.
    trust_proxies(app)
    read_on_after_answers(app)
    take_short_ways(app)
    connect_database(app)
    # Nobody can be logged out without a denylist.
    register_api(app, FEATURES if app.config.get("AUTH_DENYLIST") is None else (*FEATURES, logout.blp))
    app.cli.add_command(DatabaseCommands())
    return app
