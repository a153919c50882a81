"""Reports that flask-resource-server guards, for access tokens as RFC 9068 describes them."""

from __future__ import annotations

import os

from flask import Flask
from flask_resource_server import ResourceServer, current_token, owns_path_user, require_jwt

app = Flask(__name__, static_folder=None)
app.config.update(
    AUTH_ISSUER="https://login.example.com",
    AUTH_AUDIENCE="https://api.example.com",
    AUTH_PUBLIC_KEY=os.environ["PUBLIC_KEY"],
    AUTH_PROFILE="rfc9068",
    AUTH_DENY_BY_DEFAULT=True,
)
ResourceServer(app)


@app.get("/users/<user_id>/reports")
@require_jwt(scopes="reports:read reports:list")
@owns_path_user
def reports(user_id):
    return {"reports_of": user_id}


@app.get("/summaries")
@require_jwt(any_scope=["reports:read", "summaries:read"])
def summaries():
    return {"issuer": current_token.issuer}


@app.get("/audit")
@require_jwt(roles=["admin", "editor"])
def audit():
    return {"read_by": current_token.user_id}


@app.get("/welcome")
@require_jwt(optional=True)
def welcome():
    return {"hello": current_token.user_id if current_token else "stranger"}
