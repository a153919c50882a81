"""A service of Flask-RESTX whose document says what the guards demand."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app
from flask_resource_server import ResourceServer, owns_path_user, public, require_jwt
from flask_resource_server.openapi import describe_guards
from flask_restx import Api, Resource


class DescribedApi(Api):
    """An Api that adds the guards to its document. The blueprint has the prefix ``/api``."""

    @property
    def __schema__(self) -> dict:
        """Return the document."""
        return describe_guards(super().__schema__, current_app, prefix="/api")


blueprint = Blueprint("api", __name__, url_prefix="/api")
api = DescribedApi(blueprint, title="Notes", version="1.0.0")


@api.route("/<user_id>/notes")
@require_jwt(scopes="notes:read")
@owns_path_user
class Notes(Resource):
    """The notes of a user."""

    def get(self, user_id: str) -> dict:
        """Return the notes of a user."""
        return {"notes_of": user_id}


@api.route("/health")
@public
class Health(Resource):
    """The service."""

    def get(self) -> dict:
        """Return whether the service works."""
        return {"status": "ok"}


app = Flask("notes")
app.config.from_prefixed_env()
app.register_blueprint(blueprint)
ResourceServer(app)
