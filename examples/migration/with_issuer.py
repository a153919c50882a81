"""A small notes service on flask-smorest, guarded by flask-resource-server: an authorization server issues the tokens.

``before.py`` is the same service before the migration, ``after.py`` the same with a login of its own.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from flask import Flask
from flask.views import MethodView
from flask_resource_server import ResourceServer, current_token, owns_path_user, require_jwt
from flask_smorest import Api, Blueprint, abort
from marshmallow import Schema, fields

app = Flask(__name__, static_folder=None)
app.config.from_prefixed_env()
app.config.update(
    API_TITLE="Notes",
    API_VERSION="1",
    OPENAPI_VERSION="3.1.0",
    AUTH_DENY_BY_DEFAULT=True,
)
api = Api(app)
ResourceServer(app)


class User(NamedTuple):
    name: str


USERS = {
    "alice": User("Alice Liddell"),
    "root": User("The administrator"),
}
NOTES: dict[str, list[str]] = {}


def current_user():
    user = USERS.get(current_token.user_id)
    if user is None:
        abort(403, message="This user has been deleted.")
    return user


class Note(Schema):
    text = fields.String(required=True)


notes_blp = Blueprint("notes", __name__)


@notes_blp.route("/users/<user_id>/notes")
@require_jwt
@owns_path_user
class Notes(MethodView):
    def get(self, user_id):
        return {"notes": NOTES.get(user_id, [])}

    @notes_blp.arguments(Note)
    def post(self, note, user_id):
        NOTES.setdefault(user_id, []).append(note["text"])
        return {"notes": NOTES[user_id]}, 201

    def delete(self, user_id):
        if time.time() - current_token.claims.get("auth_time", 0) > 300:
            abort(401, message="Log in again to delete your notes.")
        NOTES.pop(user_id, None)
        return "", 204


@notes_blp.route("/me")
@require_jwt
def me():
    return {"name": current_user().name, "token_id": current_token.token_id}


@notes_blp.route("/statistics")
@require_jwt(roles="admin")
def statistics():
    return {"notes": sum(map(len, NOTES.values()))}


@notes_blp.route("/welcome")
@require_jwt(optional=True)
def welcome():
    return {"hello": current_token.user_id if current_token else "stranger"}


api.register_blueprint(notes_blp)
