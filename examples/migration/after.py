"""A small notes service on flask-smorest: Flask-JWT-Extended signs the tokens, flask-resource-server guards the views.

``before.py`` is the same service before the migration, ``with_issuer.py`` the same without a login.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from flask import Flask, jsonify
from flask.views import MethodView
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_identity,
    jwt_required,
)
from flask_resource_server import (
    ResourceServer,
    current_token,
    errors,
    owns_path_user,
    public,
    require_jwt,
    verified_token,
)
from flask_smorest import Api, Blueprint, abort
from marshmallow import Schema, fields
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__, static_folder=None)
app.config.update(
    API_TITLE="Notes",
    API_VERSION="1",
    OPENAPI_VERSION="3.1.0",
    JWT_SECRET_KEY=os.environ["JWT_SECRET_KEY"],
    JWT_ENCODE_ISSUER="https://notes.example.com",
    JWT_DECODE_ISSUER="https://notes.example.com",
    JWT_ENCODE_AUDIENCE="notes",
    JWT_DECODE_AUDIENCE="notes",
    AUTH_SECRET=os.environ["JWT_SECRET_KEY"],
    AUTH_ISSUER="https://notes.example.com",
    AUTH_AUDIENCE="notes",
    AUTH_DENY_BY_DEFAULT=True,
)
api = Api(app)
api.spec.components.security_scheme("loginToken", {"type": "http", "scheme": "bearer"})
jwt = JWTManager(app)
ResourceServer(app)


class User(NamedTuple):
    name: str
    password: str
    roles: tuple[str, ...] = ()


USERS = {
    "alice": User("Alice Liddell", generate_password_hash("wonderland")),
    "root": User("The administrator", generate_password_hash("rabbit-hole"), ("admin",)),
}
NOTES: dict[str, list[str]] = {}
SIGNED_OUT: set[str] = set()


@jwt.additional_claims_loader
def add_roles(identity):
    return {"roles": USERS[identity].roles}


def current_user():
    user = USERS.get(current_token.user_id)
    if user is None:
        abort(403, message="This user has been deleted.")
    return user


@jwt.token_in_blocklist_loader
def is_signed_out(_header, claims):
    return claims["jti"] in SIGNED_OUT


@app.before_request
def refuse_signed_out_tokens():
    token = verified_token()
    if token is not None and token.token_id in SIGNED_OUT:
        raise errors.TokenRevokedError("the token was signed out")


@jwt.unauthorized_loader
def explain_missing_token(reason):
    return jsonify(error="authorization_required", description=reason), 401


@jwt.invalid_token_loader
def explain_invalid_token(reason):
    return jsonify(error="invalid_token", description=reason), 401


@jwt.expired_token_loader
def explain_expired_token(_header, _claims):
    return jsonify(error="token_expired", description="The token has expired."), 401


class Credentials(Schema):
    user_id = fields.String(required=True)
    password = fields.String(required=True)


class Note(Schema):
    text = fields.String(required=True)


login_blp = public(Blueprint("login", __name__))
notes_blp = Blueprint("notes", __name__)


@login_blp.route("/login", methods=["POST"])
@login_blp.arguments(Credentials)
def login(credentials):
    user = USERS.get(credentials["user_id"])
    if user is None or not check_password_hash(user.password, credentials["password"]):
        abort(401, message="The name or the password is wrong.")
    user_id = credentials["user_id"]
    return {"access_token": create_access_token(user_id, fresh=True), "refresh_token": create_refresh_token(user_id)}


@login_blp.route("/refresh", methods=["POST"])
@login_blp.doc(security=[{"loginToken": []}])
@jwt_required(refresh=True)
def refresh():
    return {"access_token": create_access_token(get_jwt_identity())}


@login_blp.route("/logout", methods=["POST"])
@login_blp.doc(security=[{"loginToken": []}])
@jwt_required(verify_type=False)
def logout():
    SIGNED_OUT.add(get_jwt()["jti"])
    return {"message": "This token has been signed out."}


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
        if not current_token.claims.get("fresh"):
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


api.register_blueprint(login_blp)
api.register_blueprint(notes_blp)
