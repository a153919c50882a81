"""Apps of other libraries that have ``AUTH_…`` settings too, each with a ResourceServer and a guarded view.

Runs where those libraries are installed and the tests of this project are not: ``python foreign_apps.py apiflask``
prints how the app answers a request without a token and one with a token, which settings it has, and which ``AUTH_…``
names the library knows.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from flask_resource_server import ResourceServer, current_token, require_jwt
from flask_resource_server.testing import TokenIssuer

ISSUER, AUDIENCE = "https://login.example.com", "https://api.example.com"


def apiflask_app() -> Flask:
    """Return an APIFlask app; its class sets the defaults of its settings."""
    app: Flask = importlib.import_module("apiflask").APIFlask("service")
    return app


def flask_appbuilder_app() -> Flask:
    """Return a Flask-AppBuilder app that would log in by LDAP, the way that has most settings."""
    library = importlib.import_module("flask_appbuilder")
    app = Flask("service")
    app.config.update(SECRET_KEY="for the sessions of the other library", SQLALCHEMY_DATABASE_URI="sqlite://")
    app.config.update(AUTH_TYPE=importlib.import_module("flask_appbuilder.const").AUTH_LDAP)
    app.config.update(AUTH_LDAP_SERVER="ldap://localhost", AUTH_ROLES_MAPPING={"staff": ["Admin"]})
    database = importlib.import_module("flask_appbuilder.utils.legacy").get_sqla_class()(app)
    with app.app_context():
        library.AppBuilder(app, database.session)
    return app


def protect(app: Flask) -> TokenIssuer:
    """Give an app a ResourceServer with settings from code and environment, and a guarded view."""
    issuer = TokenIssuer.generate("ES256", issuer=ISSUER, audience=AUDIENCE)
    app.config.from_prefixed_env()
    app.config.update(AUTH_ISSUER=ISSUER, AUTH_AUDIENCE=AUDIENCE)
    ResourceServer(app, keys=issuer.keys)

    @app.get("/me")
    @require_jwt
    def me() -> dict[str, Any]:
        return {"user_id": current_token.user_id}

    return issuer


def answers(app: Flask, issuer: TokenIssuer) -> list[Any]:
    client = app.test_client()
    refused, accepted = client.get("/me"), client.get("/me", headers=issuer.authorization("alice"))
    return [refused.status_code, (refused.json or {}).get("error"), accepted.status_code, accepted.json]


def names_in(package: str) -> list[str]:
    """Return every name that begins with AUTH_ in the source of a package."""
    folder = Path(str(importlib.import_module(package).__file__)).parent
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py")]
    return sorted({name for source in sources for name in re.findall(r"\bAUTH_[A-Z0-9_]*[A-Z0-9]\b", source)})


def main(package: str) -> None:
    app = {"apiflask": apiflask_app, "flask_appbuilder": flask_appbuilder_app}[package]()
    outcome = {"answers": answers(app, protect(app)), "set": [*app.config], "known": names_in(package)}
    # Everything else that the library knows may be set as well.
    everything = Flask("everything")
    everything.config.update(dict.fromkeys(names_in(package), "theirs"))
    protect(everything)
    sys.stdout.write(json.dumps(outcome))


if __name__ == "__main__":
    main(sys.argv[1])
