"""Reports that flask-resource-server guards, with tokens from Auth0."""

from __future__ import annotations

import os

from flask import Flask
from flask_resource_server import ResourceServer, current_token, owns_path_user, require_jwt

app = Flask(__name__, static_folder=None)
app.config.update(
    AUTH_ISSUER="https://tenant.eu.auth0.com/",
    AUTH_AUDIENCE="https://api.example.com",
    AUTH_JWKS_URL=os.environ["JWKS_URL"],
    AUTH_PROFILE="auth0",
    AUTH_DENY_BY_DEFAULT=True,
)
ResourceServer(app)


@app.get("/users/<user_id>/reports")
@require_jwt(scopes="reports:read")
@owns_path_user
def reports(user_id):
    return {"reports_of": user_id}


@app.get("/me")
@require_jwt
def me():
    return {"user_id": current_token.user_id}
