"""Reports that flask-resource-server guards."""

from __future__ import annotations

import os

from flask import Flask
from flask_resource_server import ResourceServer, current_token, errors, owns_path_user, require_jwt

app = Flask(__name__, static_folder=None)
app.config.update(
    AUTH_SECRET=os.environ["JWT_SECRET"],
    AUTH_ISSUER="https://login.example.com",
    AUTH_AUDIENCE="https://api.example.com",
    AUTH_DENY_BY_DEFAULT=True,
)
ResourceServer(app)


@app.errorhandler(errors.AuthError)
def explain(error):
    return {"message": "Access denied", "error": error.code}


@app.get("/users/<user_id>/reports")
@require_jwt
@owns_path_user
def reports(user_id):
    return {"reports_of": user_id}


@app.get("/summaries")
@require_jwt(any_role=["admin", "editor"])
def summaries():
    return {"read_by": current_token.user_id}


@app.get("/audit")
@require_jwt(roles=["admin", "editor"])
def audit():
    return {"read_by": current_token.user_id}


@app.get("/welcome")
@require_jwt(optional=True)
def welcome():
    return {"hello": current_token.user_id if current_token else "stranger"}
