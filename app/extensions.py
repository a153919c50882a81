"""Puts the resource server and the API together, once per app.

:mod:`app.config` reads the settings, and :mod:`app.errors` answers the errors.
"""

from __future__ import annotations

import logging

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import docs_ui, health, logout, me
from app.config import in_our_names
from app.docs_ui.login import EXTENSION, Login
from app.docs_ui.login import blueprint as login_blueprint
from app.errors import Api
from app.tasks import views
from auth import ResourceServer, public
from auth.errors import ConfigurationError

OPENAPI_ENDPOINT = "api-docs.openapi_json"


def protect(app: Flask) -> tuple[str, ...]:
    """Attach the resource server and return what is wrong with its settings, one sentence each.

    These sentences and the library's warnings name the variable that the operator has set or has to set, which may be
    one of the service's own. Warnings are for the person who starts the server, so other commands do not show them.
    """

    def is_said(record: logging.LogRecord) -> bool:
        record.msg, record.args = in_our_names(record.getMessage(), app.config), ()
        return not _is_other_command()

    library = logging.getLogger("flask_resource_server")
    library.addFilter(is_said)
    try:
        ResourceServer().init_app(app)
    except ConfigurationError as error:
        return tuple(in_our_names(problem, app.config) for problem in error.problems)
    finally:
        library.removeFilter(is_said)
    return ()


def _is_other_command() -> bool:
    """Tell whether the app is made for a ``flask`` command other than ``run``."""
    command = click.get_current_context(silent=True)
    return command is not None and command.info_name != "run"


def trust_proxies(app: Flask) -> None:
    """Trust the forwarded headers of as many proxies as the settings name; none by default.

    The prefix has a setting of its own: most proxies set none, and pass on what a client sends.
    """
    if count := app.config["TRUSTED_PROXIES"]:
        prefixes = count if app.config["TRUST_FORWARDED_PREFIX"] else 0
        # Flask documents this very assignment for middleware; mypy sees a method.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=prefixes
        )


def register_api(app: Flask) -> None:
    """Register every operation, document it, and show the document at ``/docs``."""
    api = Api(app)
    for blueprint in (views.blp, me.blp, health.blp):
        api.register_blueprint(blueprint)
    if app.config.get("AUTH_DENYLIST") is not None:
        api.register_blueprint(logout.blp)
    app.register_blueprint(docs_ui.blueprint)
    if login := Login.from_config(app.config):
        app.extensions[EXTENSION] = login
        app.register_blueprint(login_blueprint)
    app.view_functions[OPENAPI_ENDPOINT] = public(app.view_functions[OPENAPI_ENDPOINT])
