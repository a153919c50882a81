"""Reports that Authlib's ResourceProtector guards, for access tokens as RFC 9068 describes them."""

from __future__ import annotations

import os

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask import Flask, abort
from joserfc.jwk import ECKey


class Validator(JWTBearerTokenValidator):
    def get_jwks(self):
        return ECKey.import_key(os.environ["PUBLIC_KEY"])


require_oauth = ResourceProtector()
require_oauth.register_token_validator(
    Validator(issuer="https://login.example.com", resource_server="https://api.example.com")
)
app = Flask(__name__, static_folder=None)


@app.get("/users/<user_id>/reports")
@require_oauth("reports:read reports:list")
def reports(user_id):
    if current_token["sub"] != user_id:
        abort(403)
    return {"reports_of": current_token["sub"]}


@app.get("/summaries")
@require_oauth(["reports:read", "summaries:read"])
def summaries():
    return {"issuer": current_token["iss"]}


@app.get("/audit")
@require_oauth(roles=["admin editor"])
def audit():
    return {"read_by": current_token["sub"]}


@app.get("/welcome")
@require_oauth(optional=True)
def welcome():
    return {"hello": current_token["sub"] if current_token else "stranger"}
