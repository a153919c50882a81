"""What the service is made of, put together once per app: the resource server and the API.

Only wiring. Settings are read by :mod:`app.config`, errors answered by :mod:`app.errors`.
"""

from __future__ import annotations

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import docs_ui, health, me
from app.errors import Api
from app.tasks import views
from auth import ResourceServer, public
from auth.errors import ConfigurationError

OPENAPI_ENDPOINT = "api-docs.openapi_json"


def protect(app: Flask) -> tuple[str, ...]:
    """Attach the resource server and return what is wrong with its settings, one sentence each."""
    try:
        ResourceServer().init_app(app)
    except ConfigurationError as error:
        return error.problems
    return ()


def trust_proxies(app: Flask) -> None:
    """Believe the forwarded headers of as many proxies as stand in front, and none by default."""
    if count := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=count
        )


def register_api(app: Flask) -> None:
    """Register every operation, document it, and show the document at ``/docs``."""
    api = Api(app)
    for blueprint in (views.blp, me.blp, health.blp):
        api.register_blueprint(blueprint)
    app.register_blueprint(docs_ui.blueprint)
    app.view_functions[OPENAPI_ENDPOINT] = public(app.view_functions[OPENAPI_ENDPOINT])
